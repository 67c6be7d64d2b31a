using System.Buffers.Binary;

namespace Disks.Qcow2;

/// <summary>The qcow2 stream has its parts in an order that cannot be followed without storing it.</summary>
public sealed class NotInStreamOrderException : Exception
{
    /// <summary>Creates the failure.</summary>
    public NotInStreamOrderException()
        : base("the qcow2 image has its tables behind its data")
    {
    }
}

/// <summary>
/// Reads a qcow2 file in the order of <see cref="Qcow2Layout"/> from its first byte to its last, without storing it.
/// Any other order is found out and said by <see cref="NotInStreamOrderException"/>: the caller stores the file then.
/// </summary>
public static class Qcow2Stream
{
    private const int Cluster = ClusterMap.ClusterSize;
    private const ulong OffsetMask = 0x00FF_FFFF_FFFF_FE00;
    private const ulong Compressed = 1UL << 62;

    /// <summary>Writes the disk of a qcow2 stream to a raw target.</summary>
    /// <param name="stream">The qcow2 file.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="createTarget">Makes the target of that many bytes.</param>
    /// <param name="progress">Is told how many bytes of the stream were read since the last call.</param>
    /// <param name="cancel">Stops.</param>
    /// <exception cref="NotInStreamOrderException">The order is another one; the target is incomplete.</exception>
    /// <exception cref="DiskException">Corrupt, hostile, cut off, or the target cannot be written.</exception>
    public static async Task CopyAsync(
        Stream stream, string name, Func<long, IRawTarget> createTarget, Action<long>? progress, CancellationToken cancel)
    {
        var buffer = new byte[Cluster];
        await FillAsync(stream, buffer, name, progress, cancel);
        var header = Qcow2Header.Read(buffer, name);
        var l1Clusters = (header.L1Entries * (long)sizeof(ulong) + Cluster - 1) / Cluster;
        if (header.ClusterBits != 16
            || header.L1Offset != Cluster
            || header.L1Entries != Qcow2Layout.L1Entries(header.DiskLength)
            || header.RefcountTableOffset != (1 + l1Clusters) * Cluster
            || header.Version != 3)
        {
            throw new NotInStreamOrderException();
        }

        var groups = await ReadL1Async(stream, header, buffer, name, progress, cancel);
        var firstTable = groups.Count == 0 ? 0 : groups[0].Table;
        var skip = groups.Count == 0 ? 0 : firstTable / Cluster - 1 - l1Clusters;
        for (var i = 0L; i < skip; i++)
        {
            await FillAsync(stream, buffer, name, progress, cancel);
        }

        var map = new ClusterMap(header.DiskLength);
        var data = (firstTable / Cluster) + groups.Count;
        for (var rank = 0; rank < groups.Count; rank++)
        {
            await FillAsync(stream, buffer, name, progress, cancel);
            data = ReadL2(buffer, groups[rank].Group, data, map);
        }

        var target = createTarget(header.DiskLength);
        for (var n = 0L; n < map.Count; n++)
        {
            await FillAsync(stream, buffer, name, progress, cancel);
            var offset = map.Find(n) * Cluster;
            target.Write(offset, buffer.AsSpan(0, (int)Math.Min(Cluster, header.DiskLength - offset)));
        }
    }

    private static async Task<List<(int Group, long Table)>> ReadL1Async(
        Stream stream, Qcow2Header header, byte[] buffer, string name, Action<long>? progress, CancellationToken cancel)
    {
        var groups = new List<(int Group, long Table)>();
        for (var entry = 0; entry < header.L1Entries; entry++)
        {
            var within = entry % (Cluster / sizeof(ulong));
            if (within == 0)
            {
                await FillAsync(stream, buffer, name, progress, cancel);
            }

            var table = (long)(BinaryPrimitives.ReadUInt64BigEndian(buffer.AsSpan(within * sizeof(ulong))) & OffsetMask);
            if (table == 0)
            {
                continue;
            }

            var expected = groups.Count == 0 ? table : groups[^1].Table + Cluster;
            if (table != expected || table % Cluster != 0 || table < header.RefcountTableOffset)
            {
                throw new NotInStreamOrderException();
            }

            groups.Add((entry, table));
        }

        return groups;
    }

    private static long ReadL2(byte[] table, int group, long data, ClusterMap map)
    {
        var first = (long)group * ClusterMap.GroupSize;
        for (var entry = 0; entry < ClusterMap.GroupSize && first + entry < map.Clusters; entry++)
        {
            var value = BinaryPrimitives.ReadUInt64BigEndian(table.AsSpan(entry * sizeof(ulong)));
            if (value == 0)
            {
                continue;
            }

            if ((value & Compressed) != 0 || (value & 1) != 0 || (long)(value & OffsetMask) != data * Cluster)
            {
                throw new NotInStreamOrderException();
            }

            map.Mark(first + entry);
            data++;
        }

        return data;
    }

    private static async Task FillAsync(Stream stream, byte[] buffer, string name, Action<long>? progress, CancellationToken cancel)
    {
        var count = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancel);
        progress?.Invoke(count);
        if (count < buffer.Length)
        {
            // A short last cluster may come from another writer; only a stored file can be judged then.
            throw count == 0
                ? new DiskException(DiskFault.Integrity, name, "it ends before all of its data", "fetch the image again")
                : new NotInStreamOrderException();
        }
    }
}
