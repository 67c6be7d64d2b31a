namespace Disks.Qcow2;

/// <summary>
/// Where the parts of a qcow2 file that <see cref="Qcow2Image"/> makes begin, in clusters: header at 0, L1 table,
/// reference count table, reference count blocks, L2 tables, data. <see cref="Qcow2Stream"/> reads the same order back.
/// </summary>
internal readonly record struct Qcow2Layout(
    long L1, long RefcountTable, long RefcountBlocks, long L2, long Data, long Clusters)
{
    private const int Cluster = ClusterMap.ClusterSize;

    /// <summary>The layout for a disk of that many bytes, L2 tables and data clusters.</summary>
    internal static Qcow2Layout For(long diskLength, long l2Tables, long dataClusters)
    {
        var l1Clusters = Divide(L1Entries(diskLength) * sizeof(ulong), Cluster);
        var blocks = 1L;
        while (true)
        {
            // The blocks count themselves and their table too: grow until they hold everything.
            var table = Divide(blocks * sizeof(ulong), Cluster);
            var all = 1 + l1Clusters + table + blocks + l2Tables + dataClusters;
            var needed = Divide(all, Cluster / sizeof(ushort));
            if (needed <= blocks)
            {
                return new Qcow2Layout(
                    1,
                    1 + l1Clusters,
                    1 + l1Clusters + table,
                    1 + l1Clusters + table + blocks,
                    1 + l1Clusters + table + blocks + l2Tables,
                    all);
            }

            blocks = needed;
        }
    }

    internal static long L1Entries(long diskLength) =>
        Divide(Divide(diskLength, Cluster), ClusterMap.GroupSize);

    internal Qcow2Header Header(long diskLength) => new()
    {
        Version = 3,
        ClusterBits = 16,
        DiskLength = diskLength,
        L1Entries = (int)L1Entries(diskLength),
        L1Offset = L1 * Cluster,
        RefcountTableOffset = RefcountTable * Cluster,
        RefcountTableClusters = (int)(RefcountBlocks - RefcountTable),
    };

    private static long Divide(long value, long by) => (value + by - 1) / by;
}
