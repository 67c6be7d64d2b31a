using System.Diagnostics;
using System.Text.Json;
using Lab;

namespace StepRuntime.Tests;

public sealed class ProcessTests : IDisposable
{
    private readonly Scratch _scratch = new();

    [Fact]
    public void Results_are_written_without_a_newline_and_printed()
    {
        var run = Dummy.Run(["--target=world", "--echo=again", .. Dummy.ResultArguments(_scratch)]);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("hello world", File.ReadAllText(_scratch["greeting"]));
        Assert.Equal("again", File.ReadAllText(_scratch["echo"]));
        Assert.Equal("", File.ReadAllText(_scratch["error"]));
        Assert.Contains("greeting=hello world", run.Output, StringComparison.Ordinal);
        Assert.Equal(3, Directory.GetFiles(_scratch.Folder).Length);
    }

    [Fact]
    public void Every_declared_result_exists_even_when_the_input_is_bad()
    {
        var run = Dummy.Run(["--level=99", .. Dummy.ResultArguments(_scratch)]);
        Assert.Equal(2, run.ExitCode);
        Assert.Equal("", File.ReadAllText(_scratch["greeting"]));
        Assert.Equal("", File.ReadAllText(_scratch["echo"]));
        Assert.Contains("2 mistakes, the first: --target: it is required", File.ReadAllText(_scratch["error"]), StringComparison.Ordinal);
    }

    [Fact]
    public void All_mistakes_are_told_at_once()
    {
        var run = Dummy.Run("--size=10Q", "--level=0", "--do=dance", "--tarjet=x", "stray", "--echo=a", "--echo=b");
        Assert.Equal(2, run.ExitCode);
        foreach (var part in new[]
        {
            "--size: '10Q' is not a size", "--level: '0' is not a whole number from 1 to 9", "--do: 'dance' is none of work",
            "--tarjet: no such option; did you mean --target?", "'stray': not an option", "--echo: it is given 2 times", "--target: it is required",
        })
        {
            Assert.Contains(part, run.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Mistakes_of_form_and_of_meaning_are_told_at_once()
    {
        var run = Dummy.Run("--target=nobody", "--level=ten");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("3 mistakes", run.Error, StringComparison.Ordinal);
        Assert.Contains("--level: 'ten' is not a whole number", run.Error, StringComparison.Ordinal);
        Assert.Contains("nobody can be greeted", run.Error, StringComparison.Ordinal);
        Assert.Contains("nothing else works either", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_value_is_none()
    {
        Assert.Equal(0, Dummy.Run("--target=x", "--size=", "--level=", "--do=", "--timeout=", "--dry-run=", "--verbose=", "--log-format=").ExitCode);
        Assert.Equal(2, Dummy.Run("--target=").ExitCode);
    }

    [Fact]
    public void A_boolean_alone_is_true_and_any_other_option_alone_is_a_mistake()
    {
        Assert.Equal("greet x\n", Dummy.Run("--target=x", "--dry-run").Output);
        var run = Dummy.Run("--target", "--level=3");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("--target: it has no value", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_timeout_that_no_timer_takes_is_refused()
    {
        Assert.Equal(2, Dummy.Run("--target=x", "--timeout=2000h").ExitCode);
        Assert.Equal(0, Dummy.Run("--target=x", "--timeout=1000h").ExitCode);
    }

    [Theory]
    [InlineData("--dry-run")]
    [InlineData("--dry-run=true")]
    public void A_dry_run_prints_the_plan_and_does_nothing(string dryRun)
    {
        var run = Dummy.Run(["--target=x", "--do=fail", dryRun, .. Dummy.ResultArguments(_scratch)]);
        Assert.Equal((0, "greet x\n"), (run.ExitCode, run.Output));
        Assert.Equal("", File.ReadAllText(_scratch["greeting"]));
    }

    [Fact]
    public void A_fault_is_one_clean_line_in_log_and_result()
    {
        var run = Dummy.Run(["--target=x", "--do=fail", .. Dummy.ResultArguments(_scratch)]);
        Assert.Equal(6, run.ExitCode);
        Assert.Equal("""disk.img: the guest; is\x1b[31m broken; mend it""", File.ReadAllText(_scratch["error"]));
        Assert.Contains("error: disk.img: the guest; is", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bug_is_1_and_its_stack_is_for_verbose()
    {
        var quiet = Dummy.Run("--target=x", "--do=bug");
        Assert.Equal(1, quiet.ExitCode);
        Assert.DoesNotContain("   at ", quiet.Error, StringComparison.Ordinal);
        Assert.Contains("   at ", Dummy.Run("--target=x", "--do=bug", "--verbose=true").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_deadline_ends_a_step_with_7_and_keeps_its_results()
    {
        var run = Dummy.Run(["--target=x", "--do=wait", "--timeout=300ms", .. Dummy.ResultArguments(_scratch)]);
        Assert.Equal(7, run.ExitCode);
        Assert.Equal("hello x", File.ReadAllText(_scratch["greeting"]));
        Assert.Contains("the deadline passed", File.ReadAllText(_scratch["error"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("wait", 5)]
    [InlineData("hang", 10)]
    public void SIGTERM_ends_a_step_with_143_in_time_even_one_that_hangs(string what, int limitSeconds)
    {
        using var process = Dummy.Start(["--target=x", $"--do={what}", .. Dummy.ResultArguments(_scratch)]);
        var line = process.StandardError.ReadLine();
        Assert.Contains("greeting x", line, StringComparison.Ordinal);
        var clock = Stopwatch.StartNew();
        Tool.Run("kill", "-TERM", $"{process.Id}");
        Assert.True(process.WaitForExit(15_000));
        Assert.Equal(143, process.ExitCode);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, limitSeconds);
        Assert.Contains("stopped by a signal", File.ReadAllText(_scratch["error"]), StringComparison.Ordinal);
        Assert.Equal("hello x", File.ReadAllText(_scratch["greeting"]));
    }

    [Fact]
    public void Results_over_the_budget_are_refused_before_the_work()
    {
        var run = Dummy.Run(["--target=x", $"--echo={new string('x', 1900)}", .. Dummy.ResultArguments(_scratch)]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("result echo: the results of this input take", run.Error, StringComparison.Ordinal);
        Assert.Equal("", File.ReadAllText(_scratch["greeting"]));
    }

    [Fact]
    public void A_result_file_that_can_not_be_written_is_told()
    {
        var run = Dummy.Run("--target=x", "--result-greeting=/nowhere/at/all");
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("result file /nowhere/at/all: it does not exist", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_filesystem_under_the_results_is_told()
    {
        var folder = _scratch["full"];
        Directory.CreateDirectory(folder);
        Tool.Run("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder);
        try
        {
            File.WriteAllText(Path.Combine(folder, "filler"), new string('x', 4096));
            var run = Dummy.Run("--target=x", $"--result-greeting={folder}/greeting");
            Assert.Equal(4, run.ExitCode);
            Assert.Contains("no space left on the device", run.Error, StringComparison.Ordinal);
            Assert.DoesNotContain(Directory.GetFiles(folder), path => path.EndsWith(".tmp", StringComparison.Ordinal));
        }
        finally
        {
            Tool.Run("umount", folder);
        }
    }

    [Fact]
    public void Progress_is_a_line_per_5_percent()
    {
        var lines = Dummy.Run("--target=x", "--do=progress").Error.Split('\n').Where(line => line.Contains("copying", StringComparison.Ordinal)).ToList();
        Assert.Equal(20, lines.Count);
        Assert.Contains("copying: 100 % of 1000 B", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Json_lines_are_objects_with_the_progress_in_numbers()
    {
        var lines = Dummy.Run("--target=x", "--do=progress", "--log-format=json").Error
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal("greeting x", lines[0].GetProperty("message").GetString());
        Assert.Equal(100, lines[^1].GetProperty("progress").GetProperty("percent").GetInt32());
    }

    [Fact]
    public void No_silence_is_longer_than_ten_seconds() =>
        Assert.Matches(@"\.\.\. greeting x \((9|10) s\)", Dummy.Run("--target=x", "--do=silence").Error);

    [Fact]
    public void No_silence_is_longer_than_ten_seconds_on_a_terminal_either() =>
        Assert.Matches(@"\.\.\. greeting x \((9|10) s\)", Tool.Run("script", "-qec", $"{Dummy.Executable} --target=x --do=silence", "/dev/null").Output);

    [Fact]
    public void On_a_terminal_a_bar_moves_in_place()
    {
        // script(1) gives the step a terminal of its own.
        var run = Tool.Run("script", "-qec", $"{Dummy.Executable} --target=x --do=progress", "/dev/null");
        Assert.Contains("copying", run.Output, StringComparison.Ordinal);
        Assert.Contains("\u001b[", run.Output, StringComparison.Ordinal);
        Assert.Contains("greeting=hello x", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_contract_is_json_with_every_option_and_result()
    {
        var contract = JsonDocument.Parse(Dummy.Run("--contract").Output).RootElement;
        Assert.Equal("dummy-step", contract.GetProperty("step").GetString());
        Assert.Equal(
            ["do", "target", "size", "level", "echo", "timeout", "log-format", "verbose", "dry-run"],
            contract.GetProperty("options").EnumerateArray().Select(option => option.GetProperty("name").GetString()!));
        Assert.Equal(
            ["greeting", "echo", "error"],
            contract.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("name").GetString()!));
    }

    [Fact]
    public void Help_names_every_option() => Assert.Contains("--target (string, required)", Dummy.Run("--help").Output, StringComparison.Ordinal);

    public void Dispose() => _scratch.Dispose();
}
