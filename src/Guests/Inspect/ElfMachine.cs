using System.Buffers.Binary;

namespace Guests.Inspect;

/// <summary>The machine that a program was built for, from the ELF header (elf(5)).</summary>
public static class ElfMachine
{
    /// <summary>Bytes of the header that are needed.</summary>
    public const int HeaderBytes = 20;

    /// <summary>The machine as uname(1) names it; empty when it is unknown or no ELF file.</summary>
    public static string Of(ReadOnlySpan<byte> header)
    {
        if (header.Length < HeaderBytes || !header.StartsWith("\u007fELF"u8))
        {
            return "";
        }

        var littleEndian = header[5] == 1;
        var machine = littleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(header[18..]) : BinaryPrimitives.ReadUInt16BigEndian(header[18..]);
        return (machine, littleEndian) switch
        {
            (62, true) => "x86_64",
            (183, true) => "aarch64",
            (3, true) => "i686",
            (40, true) => "armv7l",
            (243, true) => "riscv64",
            (258, true) => "loongarch64",
            (21, true) => "ppc64le",
            (21, false) => "ppc64",
            (22, false) => "s390x",
            _ => "",
        };
    }
}
