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
