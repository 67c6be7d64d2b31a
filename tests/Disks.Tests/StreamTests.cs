using Disks.Qcow2;
using FsCheck;
using FsCheck.Fluent;
using Lab;

namespace Disks.Tests;

public sealed class StreamTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Our_own_image_comes_back_as_a_stream_for_any_disk()
    {
        Prop.ForAll(SparseModel.Arbitrary, model =>
        {
            model.Write(_scratch["disk.raw"]);
            Images.WriteQcow2(_scratch["disk.raw"], _scratch["disk.qcow2"]);
            StreamBack(_scratch["disk.qcow2"]);
            Assert.Equal(File.ReadAllBytes(_scratch["disk.raw"]), File.ReadAllBytes(_scratch["back.raw"]));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(40));
    }

    [Theory]
    [InlineData("-c")]
    [InlineData("-p")]
    public async Task Another_order_is_found_out_and_read_when_stored(string option)
    {
        File.WriteAllBytes(_scratch["disk.raw"], [.. Images.Random(900_000 / 512 * 512), .. new byte[10 << 20]]);
        Tool.Run("qemu-img", "convert", option, "-f", "raw", "-O", "qcow2", _scratch["disk.raw"], _scratch["disk.qcow2"]);
        Assert.Throws<NotInStreamOrderException>(() => StreamBack(_scratch["disk.qcow2"]));

        using var folder = new Scratch();
        await using (var stream = File.OpenRead(_scratch["disk.qcow2"]))
        {
            RawTarget? target = null;
            await DiskImport.CopyStoredAsync(
                stream, "image", folder.Folder, length => target = new RawTarget(_scratch["back.raw"], length, overwrite: true), CancellationToken.None);
            target!.Complete();
            target.Dispose();
        }

        Tool.Run("cmp", _scratch["disk.raw"], _scratch["back.raw"]);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Folder));
    }

    [Fact]
    public void A_stream_that_ends_early_is_an_integrity_failure_and_leaves_nothing()
    {
        File.WriteAllBytes(_scratch["disk.raw"], Images.Random(2 << 20));
        Images.WriteQcow2(_scratch["disk.raw"], _scratch["disk.qcow2"]);
        using (var file = File.OpenWrite(_scratch["disk.qcow2"]))
        {
            file.SetLength(file.Length - 3 * 65536);
        }

        Assert.Equal(DiskFault.Integrity, Assert.Throws<DiskException>(() => StreamBack(_scratch["disk.qcow2"])).Kind);
        Assert.False(File.Exists(_scratch["back.raw"]));
        Assert.False(File.Exists(_scratch["back.raw.partial"]));
    }

    [Theory]
    [InlineData("4b444d56")]
    [InlineData("7668647866696c65")]
    [InlineData("1f8b0800")]
    [InlineData("fd377a585a00")]
    [InlineData("28b52ffd")]
    public void A_known_format_that_is_not_read_is_named_and_never_taken_as_raw(string start) =>
        Assert.Equal(DiskFault.Unsupported, Assert.Throws<DiskException>(() => DiskImport.Detect(Convert.FromHexString(start), "x")).Kind);

    private void StreamBack(string image)
    {
        RawTarget? target = null;
        try
        {
            using var stream = File.OpenRead(image);
            Qcow2Stream.CopyAsync(
                stream, "image", length => target = new RawTarget(_scratch["back.raw"], length, overwrite: true), null, CancellationToken.None)
                .GetAwaiter().GetResult();
            target!.Complete();
        }
        finally
        {
            target?.Dispose();
        }
    }
}
