namespace Registry;

/// <summary>How a server wants to be authenticated to: one entry of WWW-Authenticate (RFC 9110, section 11.6.1).</summary>
internal sealed record Challenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    internal bool IsBasic => Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase);

    internal bool IsBearer => Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads the parameters of a challenge: <c>realm="…",service="…"</c>, quoted or not.</summary>
    internal static Challenge Parse(string scheme, string? text)
    {
        var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var rest = (text ?? "").AsSpan();
        while (true)
        {
            rest = rest.TrimStart(" ,\t");
            var equals = rest.IndexOf('=');
            if (equals <= 0)
            {
                return new Challenge(scheme, parameters);
            }

            var name = rest[..equals].Trim().ToString();
            rest = rest[(equals + 1)..].TrimStart();
            int end;
            if (rest.StartsWith("\""))
            {
                rest = rest[1..];
                end = rest.IndexOf('"');
            }
            else
            {
                end = rest.IndexOfAny(',', ' ');
            }

            parameters.TryAdd(name, (end < 0 ? rest : rest[..end]).ToString());
            rest = end < 0 ? [] : rest[(end + 1)..];
        }
    }
}
