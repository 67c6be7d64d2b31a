using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LocalCluster.Api;

/// <summary>
/// What was written, line by line: <c>{"v":VERSION,"r":RESOURCE,"o":OBJECT}</c>, or <c>"d":true</c> with it for an object's end. A line is
/// handed to the kernel before its request is answered, so that a killed process loses nothing that it had told.
/// </summary>
internal sealed class Journal : IDisposable
{
    private readonly string _path;
    private FileStream _file;
    private bool _broken;

    internal Journal(string path)
    {
        _path = path;
        _file = Open(path, FileMode.OpenOrCreate);
    }

    /// <summary>Bytes.</summary>
    internal long Length => _file.Length;

    /// <summary>Everything that was written. A torn last line, of a write that was never answered, is cut off.</summary>
    /// <exception cref="IOException">It is damaged elsewhere.</exception>
    internal IEnumerable<JsonObject> Read()
    {
        var text = File.ReadAllBytes(_path);
        var (start, line) = (0, 0);
        while (start < text.Length)
        {
            line++;
            var end = Array.IndexOf(text, (byte)'\n', start);
            var entry = end < 0 ? null : Entry(text.AsSpan(start, end - start));
            if (entry is null && end >= 0 && end < text.Length - 1)
            {
                throw new IOException($"{_path}: line {line} is damaged; put back a copy of the file, or delete the state folder and start anew");
            }

            if (entry is null)
            {
                _file.SetLength(start);
                break;
            }

            start = end + 1;
            yield return entry;
        }

        _file.Seek(0, SeekOrigin.End);
    }

    /// <summary>Adds a line.</summary>
    /// <exception cref="IOException">The disk is full or broken: the line is not there.</exception>
    internal void Append(long version, string resource, ReadOnlySpan<byte> item, bool deleted)
    {
        if (_broken)
        {
            throw new IOException($"{_path} could not be written before; start again");
        }

        var length = _file.Length;
        try
        {
            _file.Write(Line(version, resource, item, deleted));
        }
        catch (IOException)
        {
            _broken = true;
            _file.SetLength(length);
            _file.Seek(0, SeekOrigin.End);
            _broken = false;
            throw;
        }
    }

    /// <summary>Writes only what is there now, beside the old file, then in its place.</summary>
    internal void Compact(long version, IEnumerable<Stored> objects)
    {
        var made = _path + ".new";
        using (var file = new BufferedStream(Open(made, FileMode.Create), 1 << 20))
        {
            file.Write(Encoding.UTF8.GetBytes($$"""{"v":{{version}}}""" + "\n"));
            foreach (var one in objects)
            {
                file.Write(Line(one.Version, one.Resource.QualifiedName, one.Bytes, deleted: false));
            }

            file.Flush();
            ((FileStream)file.UnderlyingStream).Flush(flushToDisk: true);
        }

        File.Move(made, _path, overwrite: true);
        var opened = Open(_path, FileMode.Open);
        _file.Dispose();
        _file = opened;
        _file.Seek(0, SeekOrigin.End);
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Without a buffer of the process: written is written. Only its owner may read what Secrets it has.</summary>
    private static FileStream Open(string path, FileMode mode) => new(path, new FileStreamOptions
    {
        Mode = mode,
        Access = FileAccess.ReadWrite,
        Share = FileShare.Read,
        BufferSize = 0,
        UnixCreateMode = mode == FileMode.Open ? null : UnixFileMode.UserRead | UnixFileMode.UserWrite,
    });

    private static byte[] Line(long version, string resource, ReadOnlySpan<byte> item, bool deleted) =>
        [.. Encoding.UTF8.GetBytes($$"""{"v":{{version}},"r":"{{resource}}",{{(deleted ? "\"d\":true," : "")}}"o":"""), .. item, (byte)'}', (byte)'\n'];

    private static JsonObject? Entry(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonNode.Parse(line) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
