using System.Text.Json;
using Lab;

namespace Steps.Tests.SealVolume;

/// <summary>What <c>seal-volume</c> takes, gives and refuses, without a launch.</summary>
public sealed class SealVolumeInputTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void It_has_the_options_and_results_that_users_know()
    {
        using var contract = JsonDocument.Parse(Run("--contract").Output);
        string[] Names(string list) => [.. contract.RootElement.GetProperty(list).EnumerateArray().Select(item => item.GetProperty("name").GetString()!)];
        Assert.Equal(["disk", "disk-format", "check", "operations", "keep-authorized-keys", "content", "trim", "accelerator", "memory"], Names("options")[..9]);
        Assert.Equal(["os", "findings", "freed-bytes", "error"], Names("results"));
    }

    [Fact]
    public void All_mistakes_are_told_at_once()
    {
        var result = Run($"--disk={Disk()}", "--operations=defaults,-ssh-hostkey", "--keep-authorized-keys=/no/such/file", "--memory=1Ki");
        Assert.Equal(2, result.ExitCode);
        Assert.All(
            (string[])["did you mean ssh-hostkeys?", "/no/such/file is neither a key nor a file", "less than 384Mi"],
            text => Assert.Contains(text, result.Error, StringComparison.Ordinal));
    }

    [Fact]
    public void The_plan_names_every_operation_and_changes_nothing()
    {
        var disk = Disk();
        var before = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(disk)));
        var result = Run($"--disk={disk}", "--dry-run=true", "--operations=machine-id,ssh-hostkeys");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains($"seal {disk} (raw)", result.Output, StringComparison.Ordinal);
        Assert.Contains("ssh-hostkeys: remove SSH host keys", result.Output, StringComparison.Ordinal);
        Assert.Contains("machine-id: remove the content of /etc/machine-id", result.Output, StringComparison.Ordinal);
        Assert.Equal(before, Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(disk))));
    }

    [Fact]
    public void Kept_keys_are_found_in_a_mounted_folder()
    {
        _scratch.File("map/..1/ops.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDsxR7gdDqoX2zRHQv0m9a9mVrAq9fpmL4f0q/rdm9x6 ops\n");
        File.CreateSymbolicLink(_scratch["map/..data"], "..1");
        File.CreateSymbolicLink(_scratch["map/ops.pub"], "..data/ops.pub");
        string[] arguments = [$"--disk={Disk()}", "--check=true", "--dry-run=true", $"--content={_scratch["map"]}"];
        var found = Run([.. arguments, "--keep-authorized-keys=ops.pub"]);
        Assert.True(found.ExitCode == 0, found.All);
        var missing = Run([.. arguments, "--keep-authorized-keys=dev.pub"]);
        Assert.Equal(2, missing.ExitCode);
        Assert.Contains($"{_scratch["map/dev.pub"]} is neither a key nor a file", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_disk_ends_with_3()
    {
        var result = Run($"--disk={_scratch["none"]}");
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("there is no such disk", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_disk_ends_with_5_before_anything_is_started()
    {
        var disk = GuestDisks.Partitioned(_scratch["cut.img"], [null], 16);
        using (var file = File.OpenWrite(disk))
        {
            file.SetLength(8 << 20);
        }

        var result = Run($"--disk={disk}");
        Assert.Equal(5, result.ExitCode);
        Assert.Contains("is truncated", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("appliance", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_that_may_not_be_opened_names_the_setting_of_the_pod()
    {
        var disk = Disk();
        Tool.Run("chmod", "000", disk);
        var result = new Sandbox(new Dictionary<string, string> { ["/mnt"] = _scratch.Folder }).Run(Repository.Step("seal-volume"), "--disk=/mnt/disk.img");
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("by uid 107; run with fsGroup 107", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_appliance_ends_with_3_and_says_what_makes_one()
    {
        var result = Tool.TryWith(
            Repository.Step("seal-volume"), [$"--disk={Disk()}"], new Dictionary<string, string> { ["GUEST_APPLIANCE"] = _scratch["none"] }, TimeSpan.FromMinutes(1));
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("run 'make build'", result.Error, StringComparison.Ordinal);
    }

    private static ToolResult Run(params string[] arguments) => Tool.Try(Repository.Step("seal-volume"), arguments);

    private string Disk() => GuestDisks.Whole(_scratch["disk.img"], GuestDisks.BareSystem(_scratch), 16);
}
