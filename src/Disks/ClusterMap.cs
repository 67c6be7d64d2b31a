using System.Numerics;

namespace Disks;

/// <summary>
/// Which clusters of a disk hold anything but zeros: one bit each, so 2 MiB of memory for a disk of 1 TiB.
/// It depends on the disk's bytes alone, not on which zeros are stored and which are holes.
/// </summary>
public sealed class ClusterMap
{
    /// <summary>Bytes in a cluster: qcow2's default.</summary>
    public const int ClusterSize = 64 << 10;

    /// <summary>Clusters that one group of <see cref="CountIn"/> counts: those of one qcow2 L2 table.</summary>
    public const int GroupSize = ClusterSize / sizeof(ulong);

    private const int WordsInGroup = GroupSize / 64;
    private readonly ulong[] _words;
    private long[]? _before;

    /// <summary>A map of a disk that holds nothing but zeros.</summary>
    /// <param name="diskLength">Bytes of the disk.</param>
    public ClusterMap(long diskLength)
    {
        DiskLength = diskLength;
        Clusters = (diskLength + ClusterSize - 1) / ClusterSize;
        Groups = checked((int)((Clusters + GroupSize - 1) / GroupSize));
        _words = new ulong[(long)Groups * WordsInGroup];
    }

    /// <summary>Bytes of the disk.</summary>
    public long DiskLength { get; }

    /// <summary>Clusters of the disk, the last one perhaps shorter.</summary>
    public long Clusters { get; }

    /// <summary>Groups of <see cref="GroupSize"/> clusters.</summary>
    public int Groups { get; }

    /// <summary>How many clusters hold something.</summary>
    public long Count => Before[Groups];

    /// <summary>Whether a cluster holds something.</summary>
    public bool this[long cluster] => (_words[cluster >> 6] >> (int)(cluster & 63) & 1) != 0;

    /// <summary>How many clusters of a group hold something.</summary>
    public int CountIn(int group) => (int)(Before[group + 1] - Before[group]);

    /// <summary>How many clusters before this group hold something.</summary>
    public long CountBefore(int group) => Before[group];

    /// <summary>The cluster that is the n-th (from 0) of those that hold something.</summary>
    public long Find(long n)
    {
        var group = Array.BinarySearch(Before, n + 1);
        group = (group < 0 ? ~group : group) - 1;

        // Groups without a cluster repeat the sum: the search may land on any of them.
        while (Before[group] > n)
        {
            group--;
        }

        var left = (int)(n - Before[group]);
        for (var word = (long)group * WordsInGroup; ; word++)
        {
            var bits = _words[word];
            var count = BitOperations.PopCount(bits);
            if (left >= count)
            {
                left -= count;
                continue;
            }

            for (; left > 0; left--)
            {
                bits &= bits - 1;
            }

            return (word << 6) + BitOperations.TrailingZeroCount(bits);
        }
    }

    /// <summary>Marks a cluster; safe from several threads.</summary>
    public void Mark(long cluster)
    {
        Interlocked.Or(ref _words[cluster >> 6], 1UL << (int)(cluster & 63));
        _before = null;
    }

    private long[] Before => _before ??= Sums();

    private long[] Sums()
    {
        var sums = new long[Groups + 1];
        for (var group = 0; group < Groups; group++)
        {
            var count = 0;
            foreach (var word in _words.AsSpan(group * WordsInGroup, WordsInGroup))
            {
                count += BitOperations.PopCount(word);
            }

            sums[group + 1] = sums[group] + count;
        }

        return sums;
    }
}
