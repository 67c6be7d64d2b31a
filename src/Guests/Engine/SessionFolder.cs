using System.Globalization;

namespace Guests.Engine;

/// <summary>
/// A private temporary folder of one appliance. Whatever a killed process leaves (the folder, and QEMU if even libguestfs'
/// recovery process was killed) is found by the next start and removed: the folder holds a file that its owner has locked
/// as long as it lives, which also holds across process namespaces.
/// </summary>
internal sealed class SessionFolder : IDisposable
{
    private const string Prefix = "guest-session-", Unborn = "guest-making-";

    /// <summary>Far above the moment between the making of a folder and its lock.</summary>
    private static readonly TimeSpan MakingLimit = TimeSpan.FromMinutes(10);

    private readonly FileStream _lock;

    private SessionFolder(string path, FileStream @lock)
    {
        Path = path;
        _lock = @lock;
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Removes what dead processes left below <paramref name="parent"/>, and makes a folder there.</summary>
    /// <exception cref="GuestException">The folder cannot be made.</exception>
    public static SessionFolder Create(string parent)
    {
        try
        {
            Sweep(parent);
            var name = Guid.NewGuid().ToString("N")[..12];
            var made = System.IO.Path.Combine(parent, Unborn + name);
            var path = System.IO.Path.Combine(parent, Prefix + name);
            Directory.CreateDirectory(made, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            // It gets the name that others sweep when it is locked: they never see it without.
            var @lock = Lock(made, FileMode.CreateNew);
            Directory.Move(made, path);
            return new SessionFolder(path, @lock);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new GuestException(GuestFault.Access, parent, "the temporary folder is not writable", "set TMPDIR to a folder that is", e);
        }
        catch (IOException e)
        {
            throw new GuestException(GuestFault.NoSpace, parent, $"the temporary folder cannot be used: {e.Message}", "set TMPDIR to a folder with space", e);
        }
    }

    /// <summary>
    /// Notes a folder that libguestfs made elsewhere (as root it puts its socket into /tmp, whatever it is told), so that
    /// it is removed with this one.
    /// </summary>
    public void Adopt(string folder) => File.WriteAllText(System.IO.Path.Combine(Path, "adopted"), folder);

    /// <summary>QEMU's processes that work with this folder: its path stands on their command line.</summary>
    public IEnumerable<(int Pid, string CommandLine)> Hypervisors() => Hypervisors(Path);

    /// <inheritdoc/>
    public void Dispose()
    {
        Remove(Path);
        _lock.Dispose();
    }

    private static void Sweep(string parent)
    {
        foreach (var folder in Directory.EnumerateDirectories(parent, Unborn + "*").Where(IsOurs))
        {
            if (TimeProvider.System.GetUtcNow().UtcDateTime - Directory.GetLastWriteTimeUtc(folder) > MakingLimit)
            {
                Remove(folder);
            }
        }

        foreach (var folder in Directory.EnumerateDirectories(parent, Prefix + "*").Where(IsOurs))
        {
            try
            {
                // IOException: locked, its owner is alive. Without the file its removal was cut short.
                using var held = Lock(folder, FileMode.OpenOrCreate);
                foreach (var (pid, _) in Hypervisors(folder))
                {
                    _ = Libc.Kill(pid, Libc.SigKill);
                }

                Remove(folder);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
            }
        }
    }

    private static bool IsOurs(string folder) =>
        Libc.Status(folder, followLinks: false) is { IsDirectory: true } status && status.Uid == Libc.EffectiveUser();

    private static FileStream Lock(string folder, FileMode mode) =>
        new(System.IO.Path.Combine(folder, "lock"), mode, FileAccess.ReadWrite, FileShare.None);

    private static void Remove(string folder)
    {
        try
        {
            var note = System.IO.Path.Combine(folder, "adopted");
            if (File.Exists(note) && File.ReadAllText(note) is var adopted && IsSocketFolder(adopted) && Directory.Exists(adopted))
            {
                Directory.Delete(adopted, recursive: true);
            }

            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Left for the next sweep.
        }
    }

    private static bool IsSocketFolder(string path) =>
        System.IO.Path.GetFileName(path).StartsWith("libguestfs", StringComparison.Ordinal)
        && Libc.Status(path, followLinks: false) is { IsDirectory: true } status && status.Uid == Libc.EffectiveUser();

    private static IEnumerable<(int Pid, string CommandLine)> Hypervisors(string folder)
    {
        foreach (var process in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(System.IO.Path.GetFileName(process.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) || pid == Environment.ProcessId)
            {
                continue;
            }

            string commandLine;
            try
            {
                commandLine = File.ReadAllText(System.IO.Path.Combine(process, "cmdline"));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue;
            }

            if (commandLine.Contains(folder + "/", StringComparison.Ordinal))
            {
                yield return (pid, commandLine);
            }
        }
    }
}
