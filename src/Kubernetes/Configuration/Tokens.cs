namespace Kubernetes.Configuration;

/// <summary>One token for ever.</summary>
internal sealed class FixedToken(string token) : ITokenSource
{
    public ValueTask<string> GetAsync(bool refused, CancellationToken cancellation) => ValueTask.FromResult(token);
}

/// <summary>A file's token; the kubelet replaces it before it ends, so it is read again every minute (client-go does the same).</summary>
/// <param name="path">The file.</param>
/// <param name="time">The clock.</param>
/// <param name="otherwise">The token where the file can't be read.</param>
internal sealed class TokenFile(string path, TimeProvider time, string? otherwise = null) : ITokenSource
{
    private static readonly TimeSpan Trust = TimeSpan.FromMinutes(1);
    private string? _token;
    private long _read;

    public async ValueTask<string> GetAsync(bool refused, CancellationToken cancellation)
    {
        if (refused || _token is null || time.GetElapsedTime(_read) > Trust)
        {
            try
            {
                // Empty for a moment while somebody writes it anew.
                var token = (await File.ReadAllTextAsync(path, cancellation)).Trim();
                _token = token.Length > 0 ? token : _token ?? otherwise ?? throw new IOException("it is empty");
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                // The last one may be good still; if not, the server says so.
                _token = _token ?? otherwise
                    ?? throw new KubernetesException(KubernetesFault.Denied, path, $"the token can't be read: {fault.Message}", "mount the ServiceAccount's token", fault);
            }

            _read = time.GetTimestamp();
        }

        return _token;
    }
}
