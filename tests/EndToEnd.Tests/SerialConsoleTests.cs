using Lab;

namespace EndToEnd.Tests;

public sealed class SerialConsoleTests : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);
    private readonly Scratch scratch = new();
    private readonly SerialConsole console;

    public SerialConsoleTests() => console = new SerialConsole(scratch["console.log"]);

    public void Dispose()
    {
        console.Dispose();
        scratch.Dispose();
    }

    [Fact]
    public async Task A_pattern_is_found_across_pieces_and_terminal_control()
    {
        var login = console.WaitFor(@"^(\S+) login:", Soon);
        console.Write("boot\r\nge");
        console.Write("nuine lo\x1b[0;1m");
        Assert.False(login.IsCompleted);
        console.Write("gin:");
        Assert.Equal("genuine", (await login).Groups[1].Value);
    }

    [Fact]
    public async Task What_is_there_already_is_found_at_once()
    {
        console.Write("PROOF end=3;\n");
        Assert.Equal("3", (await console.WaitFor(@"^PROOF end=(\d+);$", Soon)).Groups[1].Value);
    }

    [Fact]
    public async Task A_machine_that_ends_ends_the_wait_with_its_reason()
    {
        var never = console.WaitFor("never", Soon);
        console.End("qemu ended with 1: no such disk");
        Assert.Contains("no such disk", (await Assert.ThrowsAsync<InvalidOperationException>(() => never)).Message);
        await Assert.ThrowsAsync<InvalidOperationException>(() => console.WaitFor("later", Soon));
    }

    [Fact]
    public async Task A_wait_that_is_too_long_tells_the_last_lines()
    {
        console.Write("Kernel panic - not syncing\n");
        var late = await Assert.ThrowsAsync<TimeoutException>(() => console.WaitFor("login:", TimeSpan.FromMilliseconds(20)));
        Assert.Contains("Kernel panic", late.Message);
    }

    [Fact]
    public async Task An_incomplete_proof_is_refused()
    {
        console.Write("PROOF machine-id=abc;\nPROOF end=2;\n");
        await Assert.ThrowsAsync<InvalidDataException>(() => BootProof.Read(console, Soon));
    }

    [Fact]
    public async Task A_disk_that_is_missing_is_qemu_s_complaint_not_a_long_wait()
    {
        using var boot = new QemuBoot(new BootOptions(scratch["none.qcow2"], "qcow2", scratch["other.log"]));
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => boot.WaitForLogin(Soon));
        Assert.Contains("none.qcow2", fault.Message);
    }
}
