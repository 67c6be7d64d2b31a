using System.Buffers.Binary;

namespace Guests.Engine;

/// <summary>
/// What the header of a qcow2 file says of other files (QEMU's docs/interop/qcow2.txt). A file from outside may name any
/// file of this machine as its backing or data file and so make it part of the disk: such a file is refused.
/// </summary>
internal static class Qcow2Header
{
    private const ulong ExternalDataFile = 1 << 2, KnownIncompatible = 0b1_1111;

    /// <summary>"QFI\xfb".</summary>
    public static ReadOnlySpan<byte> Magic => [0x51, 0x46, 0x49, 0xfb];

    /// <summary>Checks the first 104 bytes of a file.</summary>
    /// <exception cref="GuestException">It is no qcow2 file, or one that may not be opened.</exception>
    public static void Check(string path, ReadOnlySpan<byte> header)
    {
        if (!header.StartsWith(Magic))
        {
            throw new GuestException(GuestFault.Input, path, "is not qcow2", "give --disk-format=raw if it is a raw disk");
        }

        var version = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        if (version is not (2 or 3))
        {
            throw new GuestException(GuestFault.Integrity, path, $"is qcow2 of the unknown version {version}", "convert it with qemu-img");
        }

        if (BinaryPrimitives.ReadUInt64BigEndian(header[8..]) != 0)
        {
            throw new GuestException(GuestFault.Integrity, path, "has a backing file", "flatten it first: qemu-img convert");
        }

        if (BinaryPrimitives.ReadUInt32BigEndian(header[32..]) != 0)
        {
            throw new GuestException(GuestFault.Unsupported, path, "is encrypted", "decrypt it first: qemu-img convert");
        }

        var incompatible = version == 3 ? BinaryPrimitives.ReadUInt64BigEndian(header[72..]) : 0;
        if ((incompatible & ExternalDataFile) != 0)
        {
            throw new GuestException(GuestFault.Integrity, path, "keeps its data in another file", "convert it first: qemu-img convert");
        }

        if ((incompatible & ~KnownIncompatible) != 0)
        {
            throw new GuestException(GuestFault.Integrity, path, "uses unknown features of qcow2", "convert it first: qemu-img convert");
        }
    }
}
