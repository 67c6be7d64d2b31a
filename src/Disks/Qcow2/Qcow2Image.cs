using System.Buffers.Binary;

namespace Disks.Qcow2;

/// <summary>
/// A disk as a qcow2 file (version 3, 64 KiB clusters, nothing compressed inside) that is never stored:
/// its length is known at once, and any part of it can be made at any time, by several threads.
/// </summary>
/// <remarks>
/// The order in the file is fixed: header, L1 table, reference count table and blocks, L2 tables, data in the
/// guest's order. So the bytes are a function of the disk's bytes, and a reader needs no seek.
/// L2 tables exist only for groups with data (QEMU's docs/interop/qcow2: an L1 entry of 0 is a hole).
/// </remarks>
public sealed class Qcow2Image
{
    private const int Cluster = ClusterMap.ClusterSize;
    private const int ClusterBits = 16;
    private const int RefcountsInBlock = Cluster / sizeof(ushort);
    private const ulong Copied = 1UL << 63;

    private readonly IDisk _disk;
    private readonly ClusterMap _map;
    private readonly Qcow2Layout _layout;
    private readonly int[] _l2Groups;

    /// <summary>Lays the file out.</summary>
    /// <param name="disk">The disk; it stays the caller's and must outlive this.</param>
    /// <param name="map">Its clusters that hold something.</param>
    public Qcow2Image(IDisk disk, ClusterMap map)
    {
        _disk = disk;
        _map = map;
        _l2Groups = [.. Enumerable.Range(0, map.Groups).Where(group => map.CountIn(group) > 0)];
        _layout = Qcow2Layout.For(map.DiskLength, _l2Groups.Length, map.Count);
    }

    /// <summary>Bytes of the qcow2 file.</summary>
    public long Length => _layout.Clusters * Cluster;

    /// <summary>Makes a part of the file; safe from several threads.</summary>
    /// <exception cref="DiskException">The disk cannot be read.</exception>
    public void Read(long offset, Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var count = offset / Cluster < _layout.Data ? ReadMetadata(offset, buffer) : ReadData(offset, buffer);
            offset += count;
            buffer = buffer[count..];
        }
    }

    /// <summary>Reads data clusters that lie side by side in the guest at once.</summary>
    private int ReadData(long offset, Span<byte> buffer)
    {
        var index = offset / Cluster - _layout.Data;
        var within = (int)(offset % Cluster);
        var first = _map.Find(index);
        var length = Math.Min(buffer.Length, Cluster - within);
        for (var next = first + 1; length < buffer.Length && next < _map.Clusters && _map[next]; next++)
        {
            length += Math.Min(Cluster, buffer.Length - length);
        }

        var start = first * Cluster + within;
        var stored = (int)Math.Clamp(_map.DiskLength - start, 0, length);
        _disk.Read(start, buffer[..stored]);
        buffer[stored..length].Clear();
        return length;
    }

    private int ReadMetadata(long offset, Span<byte> buffer)
    {
        var within = (int)(offset % Cluster);
        var length = Math.Min(buffer.Length, Cluster - within);
        var cluster = new byte[Cluster];
        Make(offset / Cluster, cluster);
        cluster.AsSpan(within, length).CopyTo(buffer);
        return length;
    }

    private void Make(long index, Span<byte> cluster)
    {
        if (index == 0)
        {
            _layout.Header(_map.DiskLength).Write(cluster);
        }
        else if (index < _layout.RefcountTable)
        {
            MakeL1((index - _layout.L1) * (Cluster / sizeof(ulong)), cluster);
        }
        else if (index < _layout.RefcountBlocks)
        {
            MakeRefcountTable((index - _layout.RefcountTable) * (Cluster / sizeof(ulong)), cluster);
        }
        else if (index < _layout.L2)
        {
            MakeRefcountBlock((index - _layout.RefcountBlocks) * RefcountsInBlock, cluster);
        }
        else
        {
            MakeL2(_l2Groups[index - _layout.L2], cluster);
        }
    }

    private void MakeL1(long firstGroup, Span<byte> cluster)
    {
        // Tables lie in the order of their groups, so the rank of a group is the place of its table.
        var rank = Array.BinarySearch(_l2Groups, (int)firstGroup);
        rank = rank < 0 ? ~rank : rank;
        for (; rank < _l2Groups.Length && _l2Groups[rank] < firstGroup + Cluster / sizeof(ulong); rank++)
        {
            var entry = (int)(_l2Groups[rank] - firstGroup) * sizeof(ulong);
            BinaryPrimitives.WriteUInt64BigEndian(cluster[entry..], Copied | (ulong)(_layout.L2 + rank) << ClusterBits);
        }
    }

    private void MakeRefcountTable(long firstBlock, Span<byte> cluster)
    {
        var blocks = _layout.L2 - _layout.RefcountBlocks;
        for (var entry = 0; entry < Cluster / sizeof(ulong) && firstBlock + entry < blocks; entry++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(
                cluster[(entry * sizeof(ulong))..], (ulong)(_layout.RefcountBlocks + firstBlock + entry) << ClusterBits);
        }
    }

    /// <summary>Every cluster of the file is used once.</summary>
    private void MakeRefcountBlock(long firstCluster, Span<byte> cluster)
    {
        for (var entry = 0; entry < RefcountsInBlock && firstCluster + entry < _layout.Clusters; entry++)
        {
            cluster[entry * sizeof(ushort) + 1] = 1;
        }
    }

    private void MakeL2(int group, Span<byte> cluster)
    {
        var data = _layout.Data + _map.CountBefore(group);
        var first = (long)group * ClusterMap.GroupSize;
        for (var entry = 0; entry < ClusterMap.GroupSize && first + entry < _map.Clusters; entry++)
        {
            if (_map[first + entry])
            {
                BinaryPrimitives.WriteUInt64BigEndian(cluster[(entry * sizeof(ulong))..], Copied | (ulong)data++ << ClusterBits);
            }
        }
    }
}
