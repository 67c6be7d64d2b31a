using System.Threading.Channels;

namespace ContainerDisks.Layers;

/// <summary>A block of a layer: the same bytes as they are and compressed.</summary>
internal sealed class LayerBlock
{
    /// <summary>Bytes of every block but the last. Part of the layer's identity: another size makes another layer.</summary>
    internal const int Size = 1 << 20;

    private readonly byte[] _plain = GC.AllocateUninitializedArray<byte>(Size);
    private readonly byte[]? _packed;
    private int _plainLength;
    private int _packedLength;

    internal LayerBlock(bool compress) =>
        _packed = compress ? GC.AllocateUninitializedArray<byte>(LibDeflate.LongestResult(Size)) : null;

    /// <summary>Where in the tar file it begins.</summary>
    internal long Offset { get; private set; }

    /// <summary>The tar file's bytes.</summary>
    internal ReadOnlyMemory<byte> Plain => _plain.AsMemory(0, _plainLength);

    /// <summary>The layer's bytes: a gzip member, or the same as <see cref="Plain"/>.</summary>
    internal ReadOnlyMemory<byte> Packed => _packed is null ? Plain : _packed.AsMemory(0, _packedLength);

    /// <summary>Ends when a worker has filled it.</summary>
    internal TaskCompletionSource Filled { get; private set; } = new();

    internal void Begin(long offset)
    {
        Offset = offset;
        Filled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    internal void Fill(DiskLayer layer, LibDeflate? compressor)
    {
        _plainLength = (int)Math.Min(Size, layer.Length - Offset);
        layer.Read(Offset, _plain.AsSpan(0, _plainLength));
        _packedLength = compressor?.Compress(_plain.AsSpan(0, _plainLength), _packed) ?? 0;
    }
}

/// <summary>
/// Makes the blocks of a layer on several cores and hands them out in order. Each block is read and compressed for
/// itself, so which core made it, and when, cannot be seen in it. A fixed number of blocks exists: memory does not
/// grow with the disk.
/// </summary>
internal static class LayerPipeline
{
    // One core hashes what about seven compress; more workers would only hold memory.
    private const int MaxWorkers = 8;

    // From level 10 on libdeflate takes 5 MiB for each compressor: the process must stay below 128 MiB in all.
    private const int HungryLevel = 10;
    private const int MaxHungryWorkers = 4;

    // Enough that no worker waits while the others' blocks are hashed and copied.
    private const int SpareBlocks = 4;

    /// <summary>How many workers a machine of that many cores gets.</summary>
    internal static int Workers(int cores, int? level) =>
        Math.Clamp(cores, 1, level >= HungryLevel ? MaxHungryWorkers : MaxWorkers);

    /// <summary>Makes the whole layer.</summary>
    /// <param name="layer">Its content.</param>
    /// <param name="level">libdeflate's level; null for no compression.</param>
    /// <param name="workers">Threads that read and compress.</param>
    /// <param name="consume">Takes the blocks one after another.</param>
    /// <param name="cancel">Stops.</param>
    internal static async Task RunAsync(
        DiskLayer layer, int? level, int workers, Func<LayerBlock, Task> consume, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var free = Channel.CreateUnbounded<LayerBlock>();
        var work = Channel.CreateUnbounded<LayerBlock>();
        var order = Channel.CreateUnbounded<LayerBlock>();
        for (var i = 0; i < workers + SpareBlocks; i++)
        {
            free.Writer.TryWrite(new LayerBlock(level is not null));
        }

        var producer = Task.Run(() => ProduceAsync(layer, free.Reader, order.Writer, work.Writer, stop.Token), CancellationToken.None);
        var tasks = Enumerable.Range(0, workers)
            .Select(_ => Task.Run(() => WorkAsync(layer, level, work.Reader, stop.Token), CancellationToken.None))
            .Append(producer).ToList();
        try
        {
            await foreach (var block in order.Reader.ReadAllAsync(stop.Token))
            {
                await block.Filled.Task.WaitAsync(stop.Token);
                await consume(block);
                free.Writer.TryWrite(block);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        cancel.ThrowIfCancellationRequested();
    }

    private static async Task ProduceAsync(
        DiskLayer layer, ChannelReader<LayerBlock> free, ChannelWriter<LayerBlock> order, ChannelWriter<LayerBlock> work, CancellationToken stop)
    {
        try
        {
            for (var offset = 0L; offset < layer.Length; offset += LayerBlock.Size)
            {
                var block = await free.ReadAsync(stop);
                block.Begin(offset);
                order.TryWrite(block);
                work.TryWrite(block);
            }
        }
        finally
        {
            order.TryComplete();
            work.TryComplete();
        }
    }

    private static async Task WorkAsync(DiskLayer layer, int? level, ChannelReader<LayerBlock> work, CancellationToken stop)
    {
        LibDeflate? compressor = null;
        try
        {
            await foreach (var block in work.ReadAllAsync(stop))
            {
                try
                {
                    compressor ??= level is null ? null : new LibDeflate(level.Value);
                    block.Fill(layer, compressor);
                    block.Filled.SetResult();
                }
                catch (Exception error)
                {
                    block.Filled.SetException(error);
                }
            }
        }
        finally
        {
            compressor?.Dispose();
        }
    }
}
