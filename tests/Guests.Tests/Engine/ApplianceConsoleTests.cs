using Guests.Engine;

namespace Guests.Tests.Engine;

/// <summary>Lines as Linux 6.1 prints them.</summary>
public sealed class ApplianceConsoleTests
{
    private const string Full = "[   16.5] critical space allocation error, dev sda, sector 4864 op 0x1:(WRITE) flags 0x3000 phys_seg 2 prio class 2";
    private const string Discard = "[   16.5] critical target error, dev sda, sector 4864 op 0x3:(DISCARD) flags 0x800 phys_seg 1 prio class 2";

    [Theory]
    [InlineData(Full)]
    [InlineData("[    9.1] I/O error, dev sda, sector 2 op 0x1:(WRITE) flags 0x0 phys_seg 1 prio class 2")]
    [InlineData("[    9.1] EXT4-fs (sda1): Remounting filesystem read-only")]
    public void A_failed_write_is_noticed(string line)
    {
        using var console = new ApplianceConsole();
        console.Add($"[ 1.0] booting\n{line[..20]}");
        Assert.Null(console.DiskError);
        console.Add($"{line[20..]}\r\nmore\n");
        Assert.Equal(line, console.DiskError);
    }

    [Theory]
    [InlineData(Discard)]
    [InlineData("[ 2.2] Buffer I/O error handling enabled")]
    public void What_does_no_harm_is_not(string line)
    {
        using var console = new ApplianceConsole();
        console.Add(line + "\n");
        Assert.Null(console.DiskError);
    }

    [Fact]
    public void The_first_fault_stays_and_the_text_does_not_grow()
    {
        using var console = new ApplianceConsole();
        console.Add(Full + "\n");
        for (var i = 0; i < 1000; i++)
        {
            console.Add(new string('x', 100) + "\n");
        }

        Assert.Equal(Full, console.DiskError);
        Assert.InRange(console.Tail.Length, 1, 8192);
    }
}
