using System.Text.Json;
using System.Text.Json.Serialization;

namespace Benchmarks;

/// <summary>Two ways to the same end.</summary>
public interface IBenchmark : IDisposable
{
    /// <summary>What is compared.</summary>
    string Title { get; }

    /// <summary>Our way.</summary>
    string Ours { get; }

    /// <summary>The way that it replaces.</summary>
    string Theirs { get; }

    /// <summary>Runs of each way unless the user says otherwise.</summary>
    int DefaultRuns { get; }

    /// <summary>Rough time of one run of both, in seconds.</summary>
    int SecondsPerRun { get; }

    /// <summary>Runs one way on a fresh copy of everything; the cost, and the size of what came out (bytes).</summary>
    (Cost Cost, long ResultBytes) Run(bool ours);
}

/// <summary>One measured run.</summary>
/// <param name="Way">Which way.</param>
/// <param name="Seconds">Wall time.</param>
/// <param name="PeakBytes">Memory of the largest process.</param>
/// <param name="WrittenBytes">Written to disks, the registry's own left out.</param>
/// <param name="ResultBytes">Size of what came out.</param>
public sealed record Measured(string Way, double Seconds, long PeakBytes, long WrittenBytes, long ResultBytes);

/// <summary>What came out.</summary>
/// <param name="Title">What was compared.</param>
/// <param name="Processors">Of this machine.</param>
/// <param name="Ratio">Median time of the way replaced, divided by ours.</param>
/// <param name="Ours">Our way's medians.</param>
/// <param name="Theirs">The other way's medians.</param>
/// <param name="Runs">Every run, in the order in which they were made.</param>
public sealed record Comparison(string Title, int Processors, double Ratio, Measured Ours, Measured Theirs, IReadOnlyList<Measured> Runs)
{
    /// <summary>Runs both ways in turn; who begins changes from run to run, so that neither always has the warmer machine.</summary>
    public static Comparison Measure(IBenchmark benchmark, int count, TextWriter output)
    {
        using var disposed = benchmark;
        var runs = new List<Measured>();
        for (var run = 0; run < count; run++)
        {
            foreach (var ours in run % 2 == 0 ? new[] { true, false } : [false, true])
            {
                var (cost, size) = benchmark.Run(ours);
                var measured = new Measured(ours ? benchmark.Ours : benchmark.Theirs, Math.Round(cost.Seconds, 3), cost.PeakBytes, cost.WrittenBytes, size);
                runs.Add(measured);
                output.WriteLine($"  run {run + 1}: {measured.Seconds,8:0.00} s  {measured.Way}");
            }
        }

        var (mine, theirs) = (Median(runs, benchmark.Ours), Median(runs, benchmark.Theirs));
        return new Comparison(benchmark.Title, Environment.ProcessorCount, Math.Round(theirs.Seconds / mine.Seconds, 2), mine, theirs, runs);
    }

    /// <summary>For people.</summary>
    public void Print(TextWriter output)
    {
        foreach (var one in (Measured[])[Ours, Theirs])
        {
            output.WriteLine(
                $"  {one.Seconds,8:0.00} s  peak {one.PeakBytes >> 20,5} MiB  written {one.WrittenBytes >> 20,5} MiB  result {one.ResultBytes >> 20,5} MiB  {one.Way}");
        }

        output.WriteLine($"  {Ratio:0.0} times as fast (medians)\n");
    }

    /// <summary>For machines.</summary>
    public void Write(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, JsonSerializer.Serialize(this, ComparisonJson.Default.Comparison) + "\n");
    }

    private static Measured Median(IReadOnlyList<Measured> runs, string way)
    {
        var own = runs.Where(run => run.Way == way).ToList();
        long Middle(Func<Measured, long> value) => own.Select(value).Order().ElementAt(own.Count / 2);
        return new Measured(
            way, own.Select(run => run.Seconds).Order().ElementAt(own.Count / 2),
            Middle(run => run.PeakBytes), Middle(run => run.WrittenBytes), Middle(run => run.ResultBytes));
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(Comparison))]
internal sealed partial class ComparisonJson : JsonSerializerContext;
