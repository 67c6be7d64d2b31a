using Benchmarks;
using Lab;

// bench [customize] [push] [start] [cluster] [--runs=N]: measures us against the tools that we replace, in the same run on the same disk.
if (args is ["--measured", var report, .. var command])
{
    return Meter.RunMeasured(report, command);
}

string[] known = ["customize", "push", "start", "cluster"];
var runs = args.FirstOrDefault(argument => argument.StartsWith("--runs=", StringComparison.Ordinal)) is { } given ? given[7..] : "";
var chosen = args.Where(argument => !argument.StartsWith("--runs=", StringComparison.Ordinal)).ToList();
if (chosen.Except(known).FirstOrDefault() is { } unknown || (runs.Length > 0 && !(int.TryParse(runs, out var number) && number is > 0 and < 100)))
{
    await Console.Error.WriteLineAsync("usage: bench [customize] [push] [start] [cluster] [--runs=N]; all and as many runs as fit their budget unless said");
    return 2;
}

foreach (var name in chosen.Count > 0 ? chosen : [.. known])
{
    if (name == "cluster" && ClusterBenchmark.Missing is { Length: > 0 } missing)
    {
        Console.WriteLine($"cluster: not measured: {missing}\n");
        continue;
    }

    IBenchmark benchmark = name switch
    {
        "customize" => new CustomizeBenchmark(),
        "push" => new PushBenchmark(),
        "start" => new StartBenchmark(),
        _ => new ClusterBenchmark(),
    };
    var count = runs.Length > 0 ? int.Parse(runs) : benchmark.DefaultRuns;
    Console.WriteLine($"{benchmark.Title}; {count} run{(count == 1 ? "" : "s")} each, about {benchmark.SecondsPerRun * count / 60.0:0.#} min on two cores without KVM");
    var outcome = Comparison.Measure(benchmark, count, Console.Out);
    outcome.Print(Console.Out);
    outcome.Write(Path.Combine(Repository.Artifacts, "bench", $"{name}.json"));
}

return 0;
