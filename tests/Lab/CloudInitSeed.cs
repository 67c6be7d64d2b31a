namespace Lab;

/// <summary>A NoCloud seed: the small disk by which a platform hands cloud-init its data.</summary>
public static class CloudInitSeed
{
    /// <summary>Writes a FAT disk labelled <c>CIDATA</c> with <c>meta-data</c> and <c>user-data</c> (made by mtools).</summary>
    public static void Write(string path, string instanceId, string userData)
    {
        using var scratch = new Scratch();
        var meta = scratch.File("meta-data", $"instance-id: {instanceId}\n");
        var user = scratch.File("user-data", userData);
        File.Delete(path);
        Tool.Run("mformat", "-C", "-i", path, "-f", "1440", "-v", "CIDATA", "::");
        Tool.Run("mcopy", "-i", path, meta, user, "::");
    }
}
