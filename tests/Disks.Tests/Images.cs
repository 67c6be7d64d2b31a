using Disks.Qcow2;

namespace Disks.Tests;

/// <summary>Stores what is otherwise only streamed, so that others can judge it.</summary>
internal static class Images
{
    internal static void WriteQcow2(string raw, string path)
    {
        using var disk = Disk.Open(raw, DiskFormat.Raw);
        var image = new Qcow2Image(disk, ZeroScan.Run(disk, null, CancellationToken.None));
        using var file = File.Create(path);
        var buffer = new byte[100_000];
        for (var offset = 0L; offset < image.Length;)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, image.Length - offset));
            image.Read(offset, part);
            file.Write(part);
            offset += part.Length;
        }
    }

    internal static byte[] Random(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new System.Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Bytes that the file takes on its storage.</summary>
    internal static long Stored(string path) =>
        long.Parse(Lab.Tool.Run("stat", "-c", "%b", path).Output) * 512;
}
