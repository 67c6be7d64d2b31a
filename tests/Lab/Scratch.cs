namespace Lab;

/// <summary>A temporary folder that goes with its owner.</summary>
public sealed class Scratch : IDisposable
{
    /// <summary>The folder.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("golden-test-").FullName;

    /// <summary>A path in it.</summary>
    public string this[string name] => Path.Combine(Folder, name);

    /// <summary>Writes a file in it and gives its path.</summary>
    public string File(string name, string content)
    {
        var path = this[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllText(path, content);
        return path;
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
