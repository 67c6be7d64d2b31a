using System.Text;

namespace Lab;

/// <summary>
/// A real registry (Debian's <c>docker-registry</c>) on a free loopback port with storage of its own,
/// answering when <see cref="Start"/> returns, gone with its storage when disposed.
/// </summary>
public sealed class DockerRegistry : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly TaskCompletionSource<string> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StringBuilder _log = new();
    private readonly ChildProcess _process;

    /// <summary>Host and port, as an image reference begins: <c>127.0.0.1:34567</c>.</summary>
    public string Host { get; private set; } = "";

    /// <summary>The CA that signed the server's certificate (PEM); only with TLS.</summary>
    public string? CaFile { get; }

    /// <summary>Where the registry keeps its blobs and its upload sessions.</summary>
    public string Storage => _scratch["storage"];

    private DockerRegistry((string User, string Password)? account, bool tls)
    {
        Directory.CreateDirectory(Storage);
        var secure = "";
        if (tls)
        {
            var files = Certificates.Write(_scratch.Folder, "lab registry");
            CaFile = files.CaFile;
            secure = $"  tls:\n    certificate: {files.CertificateFile}\n    key: {files.KeyFile}\n";
        }

        var access = "";
        if (account is var (user, password))
        {
            // perl's crypt() is libcrypt's: bcrypt without another package.
            var hash = Tool.Run(
                "perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, "$2b$05$" + new string('a', 21) + "u").Output;
            _scratch.File("htpasswd", $"{user}:{hash}\n");
            access = $"auth:\n  htpasswd:\n    realm: lab\n    path: {_scratch["htpasswd"]}\n";
        }

        // Port 0: the kernel chooses, the log tells; nobody can take the port in between.
        var config = _scratch.File(
            "config.yml",
            $"""
            version: 0.1
            log:
              level: info
              accesslog:
                disabled: true
            storage:
              filesystem:
                rootdirectory: {Storage}
              delete:
                enabled: true
            http:
              addr: 127.0.0.1:0
              secret: lab

            """ + secure + access);
        _process = new ChildProcess(
            "docker-registry", ["serve", config], _ => { }, Read, new Dictionary<string, string> { ["OTEL_TRACES_EXPORTER"] = "none" });
    }

    /// <summary>Starts a registry.</summary>
    /// <param name="account">Who may use it (basic authentication); everyone without it.</param>
    /// <param name="tls">HTTPS with a certificate of a CA of its own (<see cref="CaFile"/>); plain HTTP without it.</param>
    public static DockerRegistry Start((string User, string Password)? account = null, bool tls = false)
    {
        var registry = new DockerRegistry(account, tls);
        try
        {
            registry.WaitUntilItListens();
            return registry;
        }
        catch
        {
            registry.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Dispose();
        _scratch.Dispose();
    }

    private void WaitUntilItListens()
    {
        _ = _process.Ended().ContinueWith(
            _ => _address.TrySetException(new InvalidOperationException($"docker-registry ended: {_log}")), TaskScheduler.Default);
        Host = _address.Task.WaitAsync(TimeSpan.FromSeconds(30)).GetAwaiter().GetResult();
    }

    /// <summary>Looks for the address in what the registry logs, until it is known.</summary>
    private void Read(ReadOnlyMemory<char> text)
    {
        const string mark = "listening on ";
        if (_address.Task.IsCompleted)
        {
            return;
        }

        var log = _log.Append(text.Span).ToString();
        var at = log.IndexOf(mark, StringComparison.Ordinal) + mark.Length;
        if (at < mark.Length)
        {
            return;
        }

        var address = new string([.. log[at..].TakeWhile(c => char.IsAsciiDigit(c) || c is '.' or ':')]);
        if (at + address.Length < log.Length)
        {
            _address.TrySetResult(address);
        }
    }
}
