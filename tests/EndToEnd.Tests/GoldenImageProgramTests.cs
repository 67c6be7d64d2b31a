using System.Diagnostics;
using Lab;

namespace EndToEnd.Tests;

/// <summary>golden-image as a program: what it says to wrong input, and what it leaves when it is stopped.</summary>
[Collection(GoldenDiskTests.Name)]
public sealed class GoldenImageProgramTests : IDisposable
{
    private static readonly string Program = Checkout.Program;
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    [Theory]
    [InlineData("CUSTOMIZE=/nowhere/commands", 2, "/nowhere/commands: there is no such file")]
    [InlineData("VENDOR_IMAGE=/nowhere/disk.qcow2", 2, "/nowhere/disk.qcow2: there is no such file")]
    [InlineData("VENDOR_IMAGE=/nowhere/disk.img", 2, "add VENDOR_FORMAT=raw or VENDOR_FORMAT=qcow2")]
    [InlineData("CUSTOMISE=x", 2, "'CUSTOMISE=x': not known")]
    [InlineData("NETWORK=yes", 2, "it is true or false")]
    public void Wrong_input_is_one_line(string argument, int code, string line) => AssertRefused(Tool.Try(Program, argument), code, line);

    [Fact]
    public void A_file_that_is_no_qcow2_is_refused() =>
        AssertRefused(Tool.Try(Program, $"VENDOR_IMAGE={scratch.File("disk.qcow2", new string('x', 100))}"), 5, "it is not a qcow2 file");

    [Fact]
    public void A_qcow2_that_refers_to_another_file_is_refused()
    {
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", scratch["base.qcow2"], "1M");
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", "-b", scratch["base.qcow2"], "-F", "qcow2", scratch["disk.qcow2"]);
        AssertRefused(Tool.Try(Program, $"VENDOR_IMAGE={scratch["disk.qcow2"]}"), 5, "refers to another file");
    }

    [Fact]
    public void A_qcow2_that_was_cut_is_refused_and_leaves_nothing()
    {
        var disk = scratch["disk.qcow2"];
        Tool.Run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", scratch.File("raw", new string('x', 4 << 20)), disk);
        using (var file = File.OpenWrite(disk))
        {
            file.SetLength(file.Length / 2);
        }

        AssertRefused(Tool.Try(Program, $"VENDOR_IMAGE={disk}"), 5, "disk.qcow2: it is cut short or damaged");
        AssertNothingLeft();
    }

    [Fact]
    public void A_full_disk_is_4_and_says_what_to_do()
    {
        var fault = StoppableTool.Failed(5, "tar cannot unpack the layer", "tar: disk/disk.qcow2: Wrote only 512 of 10240 bytes\ntar: No space left on device\n");
        Assert.Equal(4, fault.Code);
        Assert.Contains("No space left on device; a run takes", fault.Message);
    }

    [Theory]
    [InlineData("SIGTERM")]
    [InlineData("SIGINT")]
    public async Task Stopped_while_a_tool_runs_it_ends_at_once_and_so_does_the_tool(string signal)
    {
        var path = PathWith("qemu-img", $"echo $$ >{scratch["pid"]}; exec sleep 600");
        var start = new ProcessStartInfo(Program) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add($"VENDOR_IMAGE={EmptyDisk()}");
        start.Environment["PATH"] = path;
        using var program = Process.Start(start)!;
        _ = program.StandardOutput.ReadToEndAsync();
        var error = program.StandardError.ReadToEndAsync();
        for (var i = 0; i < 600 && !(File.Exists(scratch["pid"]) && File.ReadAllText(scratch["pid"]).EndsWith('\n')); i++)
        {
            await Task.Delay(50);
        }

        Tool.Run("kill", $"-{signal}", $"{program.Id}");
        await program.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(143, program.ExitCode);
        Assert.Equal("golden-image: stopped by a signal; run it again when you like\n", await error);
        Assert.False(Directory.Exists($"/proc/{File.ReadAllText(scratch["pid"]).Trim()}"));
        AssertNothingLeft();
    }

    [Fact]
    public void A_wrong_command_ends_it_before_any_launch_and_keeps_the_last_golden_image()
    {
        var last = File.ReadAllText(Place.Checkout.SummaryFile);
        var result = Tool.Try(Program, $"CUSTOMIZE={scratch.File("customize.commands", "timezone Europe/Berlin\nwrit /etc/motd:x\n")}");
        Assert.True(result.ExitCode == 2, result.All);
        Assert.StartsWith("golden-image: plan: ", result.Error);
        Assert.Contains("customize.commands:2", result.Error);
        Assert.DoesNotContain("> clone", result.Output);
        Assert.Equal(last, File.ReadAllText(Place.Checkout.SummaryFile));
        AssertNothingLeft();
    }

    // A script in a tool's place, for what the tool does only on a disk that is full or slow.
    private string PathWith(string name, string body)
    {
        var tools = Directory.CreateDirectory(scratch["tools"]).FullName;
        File.WriteAllText(Path.Combine(tools, name), $"#!/bin/sh\n{body}\n");
        Tool.Run("chmod", "+x", Path.Combine(tools, name));
        return $"{tools}:{Environment.GetEnvironmentVariable("PATH")}";
    }

    private string EmptyDisk()
    {
        Tool.Run("qemu-img", "create", "-q", "-f", "qcow2", scratch["empty.qcow2"], "1M");
        return scratch["empty.qcow2"];
    }

    private static void AssertNothingLeft() => Assert.Empty(Directory.GetDirectories(Path.GetDirectoryName(Place.Checkout.SummaryFile)!, "run-*"));

    private static void AssertRefused(ToolResult result, int code, string line)
    {
        Assert.True(result.ExitCode == code, result.All);
        Assert.Single(result.Error.TrimEnd().Split('\n'));
        Assert.Contains(line, result.Error);
    }
}
