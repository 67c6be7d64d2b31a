namespace Disks;

/// <summary>
/// Finds the clusters that hold something. It reads only as much of each as is needed to see a byte that is
/// not zero, mostly the first 4 KiB, so that it costs about a sixteenth of reading the disk.
/// </summary>
public static class ZeroScan
{
    private const int Probe = 4 << 10;

    // Reads that wait for storage, not threads that compute: four hide a network volume's latency.
    private const int Readers = 4;

    /// <summary>Scans a disk.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="progress">Is told how many bytes of the disk are done; from several threads.</param>
    /// <param name="cancel">Stops the scan.</param>
    /// <exception cref="DiskException">The disk cannot be read.</exception>
    public static ClusterMap Run(IDisk disk, Action<long>? progress, CancellationToken cancel)
    {
        var map = new ClusterMap(disk.Length);
        try
        {
            Parallel.ForEach(
                Runs(disk),
                new ParallelOptions { MaxDegreeOfParallelism = Readers, CancellationToken = cancel },
                () => new byte[ClusterMap.ClusterSize],
                (run, _, buffer) =>
                {
                    for (var cluster = run.First; cluster < run.End; cluster++)
                    {
                        cancel.ThrowIfCancellationRequested();
                        if (HoldsSomething(disk, cluster, buffer))
                        {
                            map.Mark(cluster);
                        }
                    }

                    progress?.Invoke((run.End - run.First) * ClusterMap.ClusterSize);
                    return buffer;
                },
                static _ => { });
        }
        catch (AggregateException errors)
        {
            throw errors.Flatten().InnerExceptions[0] switch
            {
                DiskException known => known,
                OperationCanceledException cancelled => cancelled,
                var other => DiskException.From(other, disk.Name),
            };
        }

        return map;
    }

    private static bool HoldsSomething(IDisk disk, long cluster, byte[] buffer)
    {
        var offset = cluster * ClusterMap.ClusterSize;
        var length = (int)Math.Min(ClusterMap.ClusterSize, disk.Length - offset);
        var first = buffer.AsSpan(0, Math.Min(Probe, length));
        disk.Read(offset, first);
        if (first.ContainsAnyExcept((byte)0))
        {
            return true;
        }

        var rest = buffer.AsSpan(first.Length, length - first.Length);
        disk.Read(offset + first.Length, rest);
        return rest.ContainsAnyExcept((byte)0);
    }

    /// <summary>The clusters that the extents touch, each once, in runs of a size that is worth handing to a thread.</summary>
    private static IEnumerable<(long First, long End)> Runs(IDisk disk)
    {
        const long most = 256;
        var done = 0L;
        foreach (var extent in disk.AllocatedExtents())
        {
            var first = Math.Max(done, extent.Offset / ClusterMap.ClusterSize);
            var end = (extent.End + ClusterMap.ClusterSize - 1) / ClusterMap.ClusterSize;
            for (; first < end; first += most)
            {
                yield return (first, Math.Min(end, first + most));
            }

            done = Math.Max(done, end);
        }
    }
}
