using Lab;

namespace Steps.Tests.CustomizeDisk;

/// <summary>Bad input of customize-disk, as a process: said at once, before anything is started or touched.</summary>
public sealed class InputTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Every_mistake_is_said_at_once_with_file_and_line()
    {
        var file = _scratch.File("commands", "hostname ok\nhostnam x\nupload missing.txt:/etc/x\nchmod 9:/etc/x\nchmod 09:/etc/x\ninstall vim\n");
        var result = Run($"--disk={Disk()}", $"--commands-file={file}", "--operations=nonsense", "--memory=1Mi");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains($"{file}:2: the command is not known; did you mean hostname?", result.Error, StringComparison.Ordinal);
        Assert.Contains($"{file}:3: upload: local file {_scratch["missing.txt"]} is not there", result.Error, StringComparison.Ordinal);
        Assert.Contains($"{file}:5: chmod: the mode must be a number", result.Error, StringComparison.Ordinal);
        Assert.Contains($"{file}:6: install: packages come over the network, and it is off; set --network=true", result.Error, StringComparison.Ordinal);
        Assert.Contains("--operations", result.Error, StringComparison.Ordinal);
        Assert.Contains("--memory", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain($"{file}:4", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_in_inline_commands_is_refused_and_never_printed()
    {
        var result = Run($"--disk={Disk()}", "--commands=hostname x\nroot-password password:geheim", $"--result-error={_scratch["error"]}");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("commands:2: root-password", result.Error, StringComparison.Ordinal);
        Assert.Contains("Secret", File.ReadAllText(_scratch["error"]), StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", result.All + File.ReadAllText(_scratch["error"]), StringComparison.Ordinal);
    }

    [Fact]
    public void The_plan_is_printed_without_secrets_and_nothing_is_changed()
    {
        var disk = Disk();
        var before = File.GetLastWriteTimeUtc(disk);
        _scratch.File("password", "geheim\n");
        var file = _scratch.File("commands", "root-password file:password\nwrite /etc/token:geheim\nrun-command echo geheim\n");
        var result = Run("--dry-run=true", $"--disk={disk}", $"--commands-file={file}", "--commands=hostname inline.example");
        Assert.Equal(0, result.ExitCode);
        Assert.Matches("(?s)vendor's identity.*hostname inline.example.*root-password of root.*write /etc/token \\(6 bytes\\).*run-command.*seal:.*machine-id", result.Output);
        Assert.DoesNotContain("geheim", result.All, StringComparison.Ordinal);
        Assert.Equal(before, File.GetLastWriteTimeUtc(disk));
    }

    [Fact]
    public void A_disk_that_is_not_there_is_missing_and_nothing_to_do_is_bad_input()
    {
        Assert.Equal(3, Run($"--disk={_scratch["none"]}", "--commands=hostname x").ExitCode);
        Assert.Equal(2, Run($"--disk={Disk()}", "--seal=false").ExitCode);
        Assert.Equal(2, Run($"--disk={Disk()}", $"--commands-file={_scratch["none"]}").ExitCode);
        Assert.Equal(2, Run("--commands=hostname x").ExitCode);
    }

    [Fact]
    public void The_commands_file_is_found_in_a_mounted_folder()
    {
        Mount("map", ("customize.commands", "upload motd:/etc/motd\n"), ("web.commands", "timezone Europe/Prague\n"), ("motd", "hello\n"));
        Assert.Contains($"customize.commands:1: upload {_scratch["map/motd"]} to /etc/motd", Plan("--commands-file=", "--commands="), StringComparison.Ordinal);
        Assert.Contains("timezone Europe/Prague", Plan("--commands-file=web.commands"), StringComparison.Ordinal);
        Assert.DoesNotContain("upload", Plan($"--commands-file={_scratch["map/web.commands"]}"), StringComparison.Ordinal);
        Assert.Matches("(?s)hostname first.*upload", Plan("--commands=hostname first"));

        string Plan(params string[] more)
        {
            var result = Run([$"--disk={Disk()}", "--dry-run=true", $"--content={_scratch["map"]}", .. more]);
            Assert.True(result.ExitCode == 0, result.All);
            return result.Output;
        }
    }

    [Fact]
    public void A_mounted_folder_without_a_commands_file_is_no_image_without_changes()
    {
        Mount("map", ("customise.commands", "hostname x\n"), ("motd", "hello\n"));
        var result = Run($"--disk={Disk()}", "--dry-run=true", $"--content={_scratch["map"]}");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains($"--content: the folder {_scratch["map"]} has no customize.commands; name its commands file with --commands-file", result.Error, StringComparison.Ordinal);
        Assert.Contains($"{_scratch["map/none"]} is not there", Run($"--disk={Disk()}", $"--content={_scratch["map"]}", "--commands-file=none").Error, StringComparison.Ordinal);
        var inline = Run($"--disk={Disk()}", "--dry-run=true", $"--content={_scratch["map"]}", "--commands=upload motd:/etc/motd");
        Assert.True(inline.ExitCode == 0, inline.All);
    }

    /// <summary>A folder as kubelet mounts a ConfigMap: each key a link through <c>..data</c>.</summary>
    private void Mount(string folder, params (string Key, string Text)[] keys)
    {
        const string version = "..2026_11_21_20_00_00.123456789";
        foreach (var (key, text) in keys)
        {
            _scratch.File($"{folder}/{version}/{key}", text);
            File.CreateSymbolicLink(_scratch[$"{folder}/{key}"], $"..data/{key}");
        }

        File.CreateSymbolicLink(_scratch[$"{folder}/..data"], version);
    }

    private static ToolResult Run(params string[] arguments) => Tool.Try(Repository.Step("customize-disk"), arguments);

    private string Disk()
    {
        var disk = _scratch["disk.img"];
        if (!File.Exists(disk))
        {
            using var file = File.Create(disk);
            file.SetLength(1 << 20);
        }

        return disk;
    }
}
