using System.Buffers.Binary;

namespace Disks.Qcow2;

/// <summary>
/// The header of a qcow2 file, checked as a hostile one (QEMU's docs/interop/qcow2, "Header").
/// Whatever could make a reader open another file, loop, or take unbounded memory is refused here.
/// </summary>
internal readonly record struct Qcow2Header
{
    internal const int Size = 104;
    internal const uint Magic = 0x514649FB;

    /// <summary>As QEMU's own limit: 32 MiB of L1 table.</summary>
    internal const long MaxL1Bytes = 32 << 20;

    /// <summary>The largest disk that is taken; above what any volume of a guest has.</summary>
    internal const long MaxDiskLength = 64L << 40;

    private const ulong Dirty = 1;
    private const ulong Corrupt = 2;
    private const ulong ExternalData = 4;
    private const ulong CompressionType = 8;
    private const ulong ExtendedL2 = 16;

    internal required int Version { get; init; }

    internal required int ClusterBits { get; init; }

    internal required long DiskLength { get; init; }

    internal required int L1Entries { get; init; }

    internal required long L1Offset { get; init; }

    internal required long RefcountTableOffset { get; init; }

    internal required int RefcountTableClusters { get; init; }

    internal int ClusterSize => 1 << ClusterBits;

    /// <summary>Reads and checks a header.</summary>
    /// <param name="bytes">The first <see cref="Size"/> bytes or more of the file; fewer is a truncated file.</param>
    /// <param name="subject">What messages call the file.</param>
    /// <exception cref="DiskException">Not qcow2, corrupt, hostile, or a refused feature.</exception>
    internal static Qcow2Header Read(ReadOnlySpan<byte> bytes, string subject)
    {
        DiskException Corrupted(string cause) =>
            new(DiskFault.Integrity, subject, cause, "fetch the image again, or repair it with qemu-img");
        DiskException Refused(string cause) =>
            new(DiskFault.Unsupported, subject, cause, "convert it first: qemu-img convert -O qcow2");

        if (bytes.Length < 72 || BinaryPrimitives.ReadUInt32BigEndian(bytes) != Magic)
        {
            throw new DiskException(DiskFault.Integrity, subject, "it is not a qcow2 image", "check the image, or say its real disk-format");
        }

        var version = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        if (version is not (2 or 3))
        {
            throw Refused($"qcow2 version {version} is not known");
        }

        if (BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]) != 0 || BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]) != 0)
        {
            throw Refused("it names a backing file, which is never followed");
        }

        if (BinaryPrimitives.ReadUInt32BigEndian(bytes[32..]) != 0)
        {
            throw Refused("it is encrypted");
        }

        if (version == 3)
        {
            CheckFeatures(bytes, Corrupted, Refused);
        }

        var clusterBits = BinaryPrimitives.ReadUInt32BigEndian(bytes[20..]);
        if (clusterBits is < 9 or > 21)
        {
            throw Corrupted($"cluster bits {clusterBits} are outside of 9 to 21");
        }

        var length = BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]);
        if (length is 0 or > (ulong)MaxDiskLength || length % 512 != 0)
        {
            throw Corrupted($"a disk of {length} bytes is not possible");
        }

        var clusterSize = 1L << (int)clusterBits;
        var perL1 = clusterSize * (clusterSize / sizeof(ulong));
        var l1Entries = BinaryPrimitives.ReadUInt32BigEndian(bytes[36..]);
        if (l1Entries > MaxL1Bytes / sizeof(ulong) || l1Entries < ((long)length + perL1 - 1) / perL1)
        {
            throw Corrupted($"an L1 table of {l1Entries} entries does not fit a disk of {length} bytes");
        }

        var l1Offset = BinaryPrimitives.ReadUInt64BigEndian(bytes[40..]);
        if (l1Offset % (ulong)clusterSize != 0 || l1Offset > long.MaxValue / 2 || l1Offset == 0)
        {
            throw Corrupted($"its L1 table cannot lie at byte {l1Offset}");
        }

        return new Qcow2Header
        {
            Version = (int)version,
            ClusterBits = (int)clusterBits,
            DiskLength = (long)length,
            L1Entries = (int)l1Entries,
            L1Offset = (long)l1Offset,
            RefcountTableOffset = (long)(BinaryPrimitives.ReadUInt64BigEndian(bytes[48..]) & long.MaxValue),
            RefcountTableClusters = (int)(BinaryPrimitives.ReadUInt32BigEndian(bytes[56..]) & int.MaxValue),
        };
    }

    /// <summary>Writes a version 3 header without extensions (16-bit reference counts, no features).</summary>
    internal void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], 3);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[20..], (uint)ClusterBits);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], (ulong)DiskLength);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[36..], (uint)L1Entries);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[40..], (ulong)L1Offset);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[48..], (ulong)RefcountTableOffset);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[56..], (uint)RefcountTableClusters);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[96..], 4);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[100..], Size);
    }

    private static void CheckFeatures(ReadOnlySpan<byte> bytes, Func<string, DiskException> corrupted, Func<string, DiskException> refused)
    {
        if (bytes.Length < Size)
        {
            throw corrupted("it ends inside its header");
        }

        var features = BinaryPrimitives.ReadUInt64BigEndian(bytes[72..]);
        var headerLength = BinaryPrimitives.ReadUInt32BigEndian(bytes[100..]);
        if (headerLength is < Size or > 512)
        {
            throw corrupted($"a header of {headerLength} bytes is not possible");
        }

        if ((features & Dirty) != 0)
        {
            throw corrupted("it was not closed cleanly (dirty bit)");
        }

        if ((features & Corrupt) != 0)
        {
            throw corrupted("it is marked as corrupt");
        }

        if ((features & ExternalData) != 0)
        {
            throw refused("it names an external data file, which is never followed");
        }

        if ((features & CompressionType) != 0 && (bytes.Length <= Size || bytes[Size] != 0))
        {
            throw refused("its clusters are compressed with zstd");
        }

        if ((features & ExtendedL2) != 0)
        {
            throw refused("it has extended L2 entries");
        }

        if (features > (Dirty | Corrupt | ExternalData | CompressionType | ExtendedL2))
        {
            throw refused($"it needs features that are not known ({features:x})");
        }
    }
}
