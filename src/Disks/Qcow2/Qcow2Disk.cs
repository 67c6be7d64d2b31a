using System.Buffers.Binary;
using System.IO.Compression;

namespace Disks.Qcow2;

/// <summary>
/// A disk in a qcow2 file that can be read at any place. The file may be hostile: nothing outside of it is ever
/// opened, every offset is checked against its length, and memory is bounded by one table and one cluster.
/// </summary>
/// <remarks>Internal snapshots are ignored: the disk is the active state (QEMU's docs/interop/qcow2).</remarks>
public sealed class Qcow2Disk : IDisk
{
    private const ulong Compressed = 1UL << 62;
    private const ulong OffsetMask = 0x00FF_FFFF_FFFF_FE00;
    private const ulong ReadsAsZero = 1;

    private readonly IDisk _file;
    private readonly Qcow2Header _header;
    private readonly ulong[] _l1;
    private readonly byte[] _l2;
    private readonly byte[] _cluster;
    private readonly Lock _lock = new();
    private ulong _l2Loaded;
    private ulong _clusterLoaded;

    /// <summary>Reads the header and the L1 table.</summary>
    /// <param name="file">The qcow2 file; it is disposed with this.</param>
    /// <exception cref="DiskException">Not qcow2, corrupt, hostile, or a refused feature.</exception>
    public Qcow2Disk(IDisk file)
    {
        _file = file;
        var start = new byte[Math.Min(Qcow2Header.Size + 8, file.Length)];
        file.Read(0, start);
        _header = Qcow2Header.Read(start, file.Name);
        CheckInside(_header.L1Offset, (long)_header.L1Entries * sizeof(ulong), "its L1 table");

        // Entries past the disk's end are allowed and never used.
        var perL1 = (long)_header.ClusterSize * EntriesInL2;
        var table = new byte[(_header.DiskLength + perL1 - 1) / perL1 * sizeof(ulong)];
        file.Read(_header.L1Offset, table);
        _l1 = new ulong[table.Length / sizeof(ulong)];
        for (var entry = 0; entry < _l1.Length; entry++)
        {
            _l1[entry] = BinaryPrimitives.ReadUInt64BigEndian(table.AsSpan(entry * sizeof(ulong))) & OffsetMask;
        }

        _l2 = new byte[_header.ClusterSize];
        _cluster = new byte[_header.ClusterSize];
    }

    /// <inheritdoc/>
    public string Name => _file.Name;

    /// <inheritdoc/>
    public long Length => _header.DiskLength;

    private int EntriesInL2 => _header.ClusterSize / sizeof(ulong);

    /// <inheritdoc/>
    public IEnumerable<Extent> AllocatedExtents()
    {
        var clusters = (Length + _header.ClusterSize - 1) / _header.ClusterSize;
        var start = -1L;
        for (var cluster = 0L; cluster < clusters; cluster++)
        {
            bool holds;
            lock (_lock)
            {
                if (_l1[cluster / EntriesInL2] == 0 && start < 0)
                {
                    // Skip the whole table at once: a hostile header may promise 64 TiB of nothing.
                    cluster = (cluster / EntriesInL2 + 1) * EntriesInL2 - 1;
                    continue;
                }

                holds = !IsHole(Entry(cluster));
            }

            if (holds && start < 0)
            {
                start = cluster;
            }
            else if (!holds && start >= 0)
            {
                yield return Run(start, cluster);
                start = -1;
            }
        }

        if (start >= 0)
        {
            yield return Run(start, clusters);
        }
    }

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> buffer)
    {
        if (offset < 0 || offset + buffer.Length > Length)
        {
            throw Corrupted($"nothing lies at byte {offset} of the disk");
        }

        lock (_lock)
        {
            while (buffer.Length > 0)
            {
                var within = (int)(offset % _header.ClusterSize);
                var part = buffer[..Math.Min(buffer.Length, _header.ClusterSize - within)];
                ReadCluster(offset / _header.ClusterSize, within, part);
                offset += part.Length;
                buffer = buffer[part.Length..];
            }
        }
    }

    /// <inheritdoc/>
    public void CheckUnchanged() => _file.CheckUnchanged();

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private Extent Run(long first, long end)
    {
        var offset = first * _header.ClusterSize;
        return new Extent(offset, Math.Min(end * _header.ClusterSize, Length) - offset);
    }

    private bool IsHole(ulong entry) =>
        (entry & Compressed) == 0 && ((entry & OffsetMask) == 0 || (_header.Version == 3 && (entry & ReadsAsZero) != 0));

    private ulong Entry(long cluster)
    {
        var table = _l1[cluster / EntriesInL2];
        if (table == 0)
        {
            return 0;
        }

        if (table != _l2Loaded)
        {
            CheckAligned(table, "an L2 table");
            CheckInside((long)table, _l2.Length, "an L2 table");
            _l2Loaded = 0;
            _file.Read((long)table, _l2);
            _l2Loaded = table;
        }

        return BinaryPrimitives.ReadUInt64BigEndian(_l2.AsSpan((int)(cluster % EntriesInL2) * sizeof(ulong)));
    }

    private void ReadCluster(long cluster, int within, Span<byte> buffer)
    {
        var entry = Entry(cluster);
        if (IsHole(entry))
        {
            buffer.Clear();
        }
        else if ((entry & Compressed) != 0)
        {
            if (entry != _clusterLoaded)
            {
                _clusterLoaded = 0;
                Decompress(entry);
                _clusterLoaded = entry;
            }

            _cluster.AsSpan(within, buffer.Length).CopyTo(buffer);
        }
        else
        {
            var offset = entry & OffsetMask;
            CheckAligned(offset, "a data cluster");
            CheckInside((long)offset + within, buffer.Length, "a data cluster");
            _file.Read((long)offset + within, buffer);
        }
    }

    /// <summary>A compressed cluster: an offset to the byte, and a length in sectors that may be longer than the data.</summary>
    private void Decompress(ulong entry)
    {
        var offsetBits = 62 - (_header.ClusterBits - 8);
        var offset = (long)(entry & ((1UL << offsetBits) - 1));
        var sectors = (int)(entry >> offsetBits & ((1UL << (62 - offsetBits)) - 1)) + 1;
        var length = Math.Min(sectors * 512L - (offset & 511), _file.Length - offset);
        CheckInside(offset, Math.Max(length, 1), "a compressed cluster");
        var packed = new byte[length];
        _file.Read(offset, packed);
        try
        {
            using var inflate = new DeflateStream(new MemoryStream(packed), CompressionMode.Decompress);
            inflate.ReadExactly(_cluster);
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw Corrupted($"the compressed cluster at byte {offset} is damaged");
        }
    }

    private void CheckAligned(ulong offset, string what)
    {
        if (offset % (ulong)_header.ClusterSize != 0)
        {
            throw Corrupted($"{what} cannot lie at byte {offset}");
        }
    }

    private void CheckInside(long offset, long length, string what)
    {
        if (offset < 0 || length > _file.Length || offset > _file.Length - length)
        {
            throw Corrupted($"{what} lies at byte {offset}, past the end of the file: it was cut off or is corrupt");
        }
    }

    private DiskException Corrupted(string cause) =>
        new(DiskFault.Integrity, Name, cause, "fetch the image again, or repair it with qemu-img");
}
