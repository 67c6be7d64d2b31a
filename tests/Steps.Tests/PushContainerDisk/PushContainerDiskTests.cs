using System.Diagnostics;
using System.Text;
using Lab;

namespace Steps.Tests.PushContainerDisk;

public sealed class PushContainerDiskTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly DockerRegistry _registry = DockerRegistry.Start();
    private int _runs;

    public void Dispose()
    {
        _registry.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void A_disk_becomes_an_image_that_skopeo_tar_and_qemu_img_find_equal()
    {
        var volume = Disk(40);
        using var run = Run($"--disk={volume}", $"--image={_registry.Host}/lab/disk:1", "--insecure=true", "--tags=stable,latest");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal($"{_registry.Host}/lab/disk:1", run.Result("IMAGE_URL"));
        Assert.Matches("^sha256:[0-9a-f]{64}$", run.Result("IMAGE_DIGEST"));
        Assert.Equal("", run.Result("error"));

        var folder = _scratch["pulled"];
        Tool.Run("skopeo", "copy", "--quiet", "--src-tls-verify=false", $"docker://{_registry.Host}/lab/disk@{run.Result("IMAGE_DIGEST")}", $"dir:{folder}");
        var layer = Directory.GetFiles(folder).MaxBy(file => new FileInfo(file).Length)!;
        Tool.Run("tar", "--extract", "--no-same-owner", "--no-same-permissions", "--file", layer, "--directory", folder);
        Tool.Run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", Path.Combine(volume, "disk.img"), Path.Combine(folder, "disk", "disk.qcow2"));
        Assert.Equal(run.Result("disk-digest"), "sha256:" + Tool.Run("sha256sum", Path.Combine(folder, "disk", "disk.qcow2")).Output.Split(' ')[0]);
        foreach (var tag in (string[])["stable", "latest"])
        {
            Assert.Contains(run.Result("IMAGE_DIGEST"), Tool.Run("skopeo", "inspect", "--tls-verify=false", $"docker://{_registry.Host}/lab/disk:{tag}").Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_large_disk_takes_at_most_128_MiB_of_memory_and_no_scratch()
    {
        // 400 MiB of data at the start and the end of 1 TiB.
        var volume = Disk(200);
        var disk = Path.Combine(volume, "disk.img");
        var bytes = File.ReadAllBytes(disk);
        using (var file = File.OpenWrite(disk))
        {
            file.SetLength(1L << 40);
            file.Position = (1L << 40) - bytes.Length;
            file.Write(bytes);
        }

        using var run = Run($"--disk={volume}", $"--image={_registry.Host}/lab/disk:1", "--insecure=true");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.InRange(run.PeakMemory, 20 << 20, 128 << 20);
        Assert.Equal([disk], Directory.GetFileSystemEntries(volume));

        // Bytes that were sent to storage, of any file, deleted or not (proc(5), write_bytes).
        Assert.InRange(run.WrittenToStorage, 0, 1 << 20);
    }

    [Fact]
    public void It_works_as_user_107_on_a_read_only_root_with_a_temporary_folder_of_1_MiB()
    {
        var volume = Disk(20);
        File.SetUnixFileMode(volume, (UnixFileMode)0b111_101_101);
        File.SetUnixFileMode(Path.Combine(volume, "disk.img"), (UnixFileMode)0b110_100_100);
        var results = Directory.CreateDirectory(_scratch["sandboxed"]).FullName;
        var step = Path.GetDirectoryName(Repository.Step("push-containerdisk"))!;
        var sandbox = new Sandbox(new Dictionary<string, string>())
        {
            // The registry is this machine's; all of /tmp is 1 MiB, whatever the layer.
            More =
            [
                "--share-net", "--size", "1048576", "--tmpfs", "/tmp", "--ro-bind", volume, "/mnt/volume", "--ro-bind", step, "/mnt/step",
                "--bind", results, "/mnt/results",
            ],
            Variables = new Dictionary<string, string> { ["DOTNET_EnableDiagnostics"] = "0" },
        };
        var answer = sandbox.Run(
            "/mnt/step/push-containerdisk", "--disk=/mnt/volume", $"--image={_registry.Host}/lab/disk:1", "--insecure=true", "--result-IMAGE_DIGEST=/mnt/results/digest");
        Assert.True(answer.ExitCode == 0, answer.All);
        Assert.Contains(
            File.ReadAllText(Path.Combine(results, "digest")).Trim(),
            Tool.Run("skopeo", "inspect", "--tls-verify=false", $"docker://{_registry.Host}/lab/disk:1").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_image_comes_from_one_core_and_from_two()
    {
        var volume = Disk(30);
        var digests = new List<string>();
        var allowed = AllowedCores();
        foreach (var cores in (string[])[allowed[0], string.Join(',', allowed.Take(2))])
        {
            var answer = Tool.Run(
                "taskset", "--cpu-list", cores, Repository.Step("push-containerdisk"), $"--disk={volume}", $"--image={_registry.Host}/lab/disk:cores{digests.Count}", "--insecure=true");
            digests.Add(answer.Output.Split('\n').Single(line => line.StartsWith("IMAGE_DIGEST=", StringComparison.Ordinal)));
        }

        Assert.Equal(digests[0], digests[1]);
    }

    [Fact]
    public void A_connection_that_breaks_in_the_middle_of_the_upload_does_not_show_in_the_result()
    {
        var volume = Disk(60);
        using var whole = Run($"--disk={volume}", $"--image={_registry.Host}/lab/whole:1", "--insecure=true");
        using var proxy = CutProxy.Start(_registry.Host, 5_000_000, 12_000_000);
        using var run = Run($"--disk={volume}", $"--image={proxy.Host}/lab/cut:1", "--insecure=true");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(2, proxy.Made);
        Assert.Equal(whole.Result("IMAGE_DIGEST"), run.Result("IMAGE_DIGEST"));
    }

    [Fact]
    public void Wrong_input_ends_with_2_and_all_mistakes_before_anything_is_read()
    {
        using var meaning = Run("--disk=/nonexistent", "--image=https://x/y", "--tags=a,-b", "--source-digest=12", "--default-preference=a b");
        using var form = Run("--image=x/y", "--disk-format=vmdk", "--level=13");
        foreach (var (run, options) in (ReadOnlySpan<(PushProcess, string[])>)
            [(meaning, ["image", "tags", "source-digest", "default-preference"]), (form, ["disk", "disk-format", "level"])])
        {
            Assert.Equal(2, run.ExitCode);
            Assert.All(options, option => Assert.Contains($"--{option}", run.Error, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_source_that_was_no_image_is_taken_by_its_uid()
    {
        using var run = Run(
            $"--disk={Disk(1)}", "--image=localhost:1/lab/disk:1", "--source-reference=work/PersistentVolumeClaim/fedora",
            "--source-digest=uid:0b9d3c1e-6f7a-4b0e-9f53-2d9a8f1c7e55", "--dry-run=true");
        Assert.True(run.ExitCode == 0, run.Error);
    }

    [Theory]
    [InlineData("/nonexistent/disk.img", 3, "no such file")]
    [InlineData("cut", 5, "no multiple of 512")]
    [InlineData("empty", 5, "empty")]
    public void A_disk_that_is_none_ends_with_its_code_and_one_line(string disk, int code, string words)
    {
        File.WriteAllBytes(_scratch["cut"], new byte[(1 << 20) - 100]);
        File.WriteAllBytes(_scratch["empty"], []);
        using var run = Run($"--disk={(disk[0] == '/' ? disk : _scratch[disk])}", $"--image={_registry.Host}/lab/disk:1", "--insecure=true");
        Fails(run, code, words);
    }

    [Fact]
    public void A_registry_that_nobody_reaches_ends_with_4()
    {
        var clock = Stopwatch.StartNew();
        using var run = Run($"--disk={Disk(1)}", "--image=127.0.0.1:1/lab/disk:1");
        Fails(run, 4, "127.0.0.1:1");
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 60);
    }

    [Fact]
    public void Credentials_that_are_wrong_or_missing_end_with_3_and_never_show()
    {
        using var registry = DockerRegistry.Start(("robot", "right"));
        var auth = Convert.ToBase64String(Encoding.UTF8.GetBytes("robot:s3cr3t"));
        var config = _scratch.File("config.json", "{\"auths\":{\"" + registry.Host + "\":{\"auth\":\"" + auth + "\"}}}");
        using var wrong = Run($"--disk={Disk(1)}", $"--image={registry.Host}/lab/disk:1", "--insecure=true", $"--docker-config={config}", "--verbose=true");
        Fails(wrong, 3, "robot");
        Assert.DoesNotContain("s3cr3t", wrong.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(auth, wrong.Error, StringComparison.Ordinal);
        using var none = Run($"--disk={Disk(1)}", $"--image={registry.Host}/lab/disk:1", "--insecure=true");
        Fails(none, 3, "docker-config");
    }

    [Fact]
    public void A_full_disk_under_the_results_is_said_before_the_work()
    {
        Directory.CreateDirectory(_scratch["full"]);
        Tool.Run("mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=3", "none", _scratch["full"]);
        try
        {
            File.WriteAllBytes(Path.Combine(_scratch["full"], "filler"), new byte[4096]);
            using var run = PushProcess.Run(_scratch["full"], $"--disk={Disk(1)}", $"--image={_registry.Host}/lab/disk:1", "--insecure=true");
            Assert.Equal(4, run.ExitCode);
            Assert.Contains("no space", run.Error, StringComparison.OrdinalIgnoreCase);
            Assert.Empty(Directory.GetFiles(_registry.Storage, "link", SearchOption.AllDirectories));
        }
        finally
        {
            Tool.Run("umount", _scratch["full"]);
        }
    }

    [Theory]
    [InlineData("PATCH", 1)]
    [InlineData("PATCH", 4)]
    public async Task Sigterm_ends_it_with_143_within_ten_seconds_and_leaves_no_upload(string method, int count)
    {
        using var door = new Door(_registry, method, count, hold: false);
        using var run = PushProcess.Start(_scratch["results"], $"--disk={Disk(120)}", $"--image={door.Host}/lab/disk:1", "--insecure=true", "--level=9");
        await door.Reached.WaitAsync(TimeSpan.FromSeconds(60));
        var clock = Stopwatch.StartNew();
        run.Kill("TERM");
        run.Wait(TimeSpan.FromSeconds(15));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        Assert.Equal(143, run.ExitCode);
        Assert.Contains("stopped", run.Result("error"), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_registry.Storage, "startedat", SearchOption.AllDirectories));
        Assert.Equal(1, Tool.Try("skopeo", "inspect", "--tls-verify=false", $"docker://{_registry.Host}/lab/disk:1").ExitCode);
    }

    [Fact]
    public async Task Kill_at_any_moment_and_another_run_ends_in_the_same_image()
    {
        var volume = Disk(60);
        using var whole = Run($"--disk={volume}", $"--image={_registry.Host}/lab/whole:1", "--insecure=true");
        var put = 0;

        // Before the scan, before the upload, in the layer, before and after its commit, at the configuration, at the manifest.
        foreach (var (method, count, passed) in ((string, int, bool)[])
            [("GET", 1, false), ("POST", 1, false), ("PATCH", 1, true), ("PATCH", 3, false), ("PUT", 1, false), ("PUT", 1, true), ("PUT", 2, false), ("PUT", 3, false), ("PUT", 3, true)])
        {
            using var door = new Door(_registry, method, count, hold: true, passed);
            var name = $"killed{++put}";
            using var killed = PushProcess.Start(_scratch[name], $"--disk={volume}", $"--image={door.Host}/lab/{name}:1", "--insecure=true");
            await door.Reached.WaitAsync(TimeSpan.FromSeconds(60));
            killed.Kill("KILL");
            killed.Wait(TimeSpan.FromSeconds(10));
            Assert.Equal(137, killed.ExitCode);
            door.Open();
            using var again = Run($"--disk={volume}", $"--image={_registry.Host}/lab/{name}:1", "--insecure=true");
            Assert.True(again.ExitCode == 0, again.Error);
            Assert.Equal(whole.Result("IMAGE_DIGEST"), again.Result("IMAGE_DIGEST"));
        }

        Assert.Equal([Path.Combine(volume, "disk.img")], Directory.GetFileSystemEntries(volume));
    }

    private static void Fails(PushProcess run, int code, string words)
    {
        Assert.True(code == run.ExitCode, $"exit {run.ExitCode}: {run.Error}");
        Assert.Contains(words, run.Result("error"), StringComparison.Ordinal);
        Assert.DoesNotContain("\n", run.Result("error"), StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Result("error"), StringComparison.Ordinal);
        Assert.Equal("", run.Result("IMAGE_DIGEST"));
    }

    private PushProcess Run(params string[] options) => PushProcess.Run(_scratch[$"results{++_runs}"], options);

    /// <summary>The cores that this process may use (proc(5), Cpus_allowed_list: "0-3,7").</summary>
    private static List<string> AllowedCores()
    {
        var line = File.ReadLines("/proc/self/status").First(text => text.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal));
        return
        [
            .. line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim().Split(',')
                .Select(range => range.Split('-'))
                .SelectMany(range => Enumerable.Range(int.Parse(range[0]), int.Parse(range[^1]) - int.Parse(range[0]) + 1))
                .Select(core => core.ToString()),
        ];
    }

    /// <summary>A volume whose disk holds so many MiB, half of it random.</summary>
    private string Disk(int mebibytes)
    {
        var folder = Directory.CreateDirectory(_scratch[$"volume-{mebibytes}-{++_runs}"]).FullName;
        var random = new System.Random(mebibytes);
        var block = new byte[1 << 20];
        using var file = File.Create(Path.Combine(folder, "disk.img"));
        for (var i = 0; i < mebibytes; i++)
        {
            random.NextBytes(block.AsSpan(0, block.Length / 2));
            for (var at = block.Length / 2; at < block.Length; at++)
            {
                block[at] = (byte)(at % 253);
            }

            file.Write(block);
        }

        file.SetLength(file.Length + (20 << 20));
        return folder;
    }
}
