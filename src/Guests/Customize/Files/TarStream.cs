using System.Formats.Tar;
using System.IO.Pipes;
using System.Runtime.ExceptionServices;
using Guests.Engine;

namespace Guests.Customize.Files;

/// <summary>
/// Sends staged files to a guest as one tar, through a pipe: no scratch copy of a large tree, and no secret in a temporary
/// file. Memory is bounded by the pipe and one buffer.
/// </summary>
static class TarStream
{
    /// <summary>The appliance's clock may be behind ours, and tar warns of every file from the future.</summary>
    private static readonly TimeSpan ClockLag = TimeSpan.FromSeconds(10);

    /// <summary>Unpacks the files at the guest's root.</summary>
    /// <exception cref="GuestException"><see cref="GuestFault.Integrity"/>, before anything is sent: a name that a tar cannot carry.</exception>
    public static void Send(IGuest guest, IReadOnlyList<StagedFile> files, TimeProvider time, CancellationToken cancellation)
    {
        foreach (var file in files)
        {
            RequireText(file);
        }

        using var writeEnd = new AnonymousPipeServerStream(PipeDirection.Out, HandleInheritability.None);
        var readEnd = writeEnd.ClientSafePipeHandle;
        var writer = Task.Run(() =>
        {
            try
            {
                Write(writeEnd, files, time, cancellation);
            }
            finally
            {
                writeEnd.Dispose();
            }
        }, CancellationToken.None);

        GuestException? fault = null;
        try
        {
            // libguestfs opens the pipe by its name, in this process.
            guest.ExtractTar($"/proc/self/fd/{readEnd.DangerousGetHandle()}", "/");
        }
        catch (GuestException error)
        {
            fault = error;
        }
        finally
        {
            // With no reader left, a writer that still has something to say gets EPIPE and ends.
            readEnd.Dispose();
        }

        try
        {
            writer.GetAwaiter().GetResult();
        }
        catch (IOException) when (fault is not null)
        {
            // The guest's fault is the cause; the broken pipe only its echo.
        }

        if (fault is not null)
        {
            ExceptionDispatchInfo.Throw(fault);
        }
    }

    /// <summary>Writes a tar of the files, in their order: owners by number, long names in GNU's way.</summary>
    public static void Write(Stream output, IEnumerable<StagedFile> files, TimeProvider time, CancellationToken cancellation)
    {
        var latest = time.GetUtcNow() - ClockLag;
        using var tar = new TarWriter(output, TarEntryFormat.Gnu, leaveOpen: true);
        foreach (var file in files)
        {
            cancellation.ThrowIfCancellationRequested();
            RequireText(file);
            var type = file.Kind switch
            {
                GuestFileKind.Directory => TarEntryType.Directory,
                GuestFileKind.Link => TarEntryType.SymbolicLink,
                _ => TarEntryType.RegularFile,
            };
            using var content = Open(file);
            var entry = new GnuTarEntry(type, file.Path.TrimStart('/'))
            {
                Mode = (UnixFileMode)file.Mode,
                Uid = file.Uid,
                Gid = file.Gid,
                ModificationTime = file.Modified is { } modified && modified < latest ? modified : latest,
            };
            if (file.Target is not null)
            {
                entry.LinkName = file.Target;
            }

            if (content is not null)
            {
                entry.DataStream = content;
            }

            tar.WriteEntry(entry);
        }
    }

    /// <summary>
    /// The writer of tars makes U+FFFD of a byte that is not UTF-8: another name than the one whose folders were proved to
    /// have no link.
    /// </summary>
    private static void RequireText(StagedFile file)
    {
        if (HasStray(file.Path) || (file.Target is { } target && HasStray(target)))
        {
            throw new GuestException(
                GuestFault.Integrity, GuestText.Printable(file.Path), "a name of the guest on the way to this file has bytes that are not UTF-8, and nothing is put there",
                "name another place, or correct the source");
        }
    }

    private static bool HasStray(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return true;
            }
        }

        return false;
    }

    private static Stream? Open(StagedFile file)
    {
        if (file.Content is { } bytes)
        {
            return new MemoryStream(bytes, writable: false);
        }

        if (file.LocalPath is not { } path)
        {
            return null;
        }

        try
        {
            return new FileStream(path, new FileStreamOptions { Options = FileOptions.SequentialScan, BufferSize = 1 << 16 });
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new GuestException(
                GuestFault.Input, path, "the local file can no longer be read", "keep local files as they are while the step runs", error);
        }
    }
}
