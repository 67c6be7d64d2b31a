namespace Registry;

/// <summary>What is going to be done in a repository; a token is asked for just that.</summary>
public enum RegistryAccess
{
    /// <summary>Read images.</summary>
    Pull,

    /// <summary>Read and write images.</summary>
    Push,
}

/// <summary>How to reach a registry.</summary>
public sealed record RegistryOptions
{
    /// <summary>docker's <c>config.json</c>, or the folder that holds one; null for anonymous access.</summary>
    public string? DockerConfig { get; init; }

    /// <summary>More trusted certificate authorities, PEM, beside those of the system: a file, or a folder of <c>*.crt</c> and <c>*.pem</c>.</summary>
    public string? CaFile { get; init; }

    /// <summary>Take HTTPS with any certificate, and plain HTTP where there is no HTTPS.</summary>
    public bool Insecure { get; init; }

    /// <summary>How often a request that failed in a way that may pass is repeated.</summary>
    public int Retries { get; init; } = 5;

    /// <summary>The wait before the first repetition; doubled, with jitter, for each next one up to <see cref="LongestDelay"/>.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest wait, also when the registry asks for more (Retry-After).</summary>
    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a registry may stay silent.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Bytes in one PATCH of an upload; more if the registry asks for more.</summary>
    public int ChunkSize { get; init; } = 8 << 20;

    /// <summary>Takes a line about a repetition.</summary>
    public Action<string> Log { get; init; } = static _ => { };

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
