namespace Lab;

/// <summary>
/// Figures that a test counted: <c>publish-datasource: kill points: 30, losses: 0</c>. The test run shows them at its end (build/run-tests names
/// the file), because a runner keeps what a passing test prints to itself.
/// </summary>
public static class Figures
{
    private static readonly Lock Writing = new();

    /// <summary>Tells one line.</summary>
    public static void Say(string line)
    {
        Console.WriteLine(line);
        if (Environment.GetEnvironmentVariable("TEST_FIGURES") is { Length: > 0 } file)
        {
            lock (Writing)
            {
                File.AppendAllText(file, line + "\n");
            }
        }
    }
}
