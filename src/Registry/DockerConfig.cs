using System.Text;
using System.Text.Json;

namespace Registry;

/// <summary>Who asks.</summary>
/// <param name="User">The user's name.</param>
/// <param name="Password">The password.</param>
/// <param name="IdentityToken">A refresh token in place of both, as some clouds' logins leave it.</param>
public sealed record Credential(string User, string Password, string? IdentityToken = null)
{
    /// <summary>Never prints a secret.</summary>
    public override string ToString() => $"{User}:***";
}

/// <summary>
/// Finds credentials in docker's <c>config.json</c> (also podman's <c>auth.json</c> and a Secret's
/// <c>.dockerconfigjson</c>). Credential helpers are programs that a step's image does not have: they are refused
/// where only they could answer.
/// </summary>
public static class DockerConfig
{
    private const int MaxBytes = 1 << 20;

    /// <summary>The credentials for an image's repository; null when the file has none for it.</summary>
    /// <param name="path">The file, or the folder of a mounted Secret or <c>~/.docker</c>.</param>
    /// <param name="image">For which image.</param>
    /// <exception cref="RegistryException">The file is missing or broken, or names a credential helper.</exception>
    public static Credential? Find(string path, ImageReference image)
    {
        var file = Resolve(path);
        DockerConfigFile? config;
        try
        {
            if (new FileInfo(file).Length > MaxBytes)
            {
                throw Wrong(file, "it is larger than 1 MiB");
            }

            config = JsonSerializer.Deserialize(File.ReadAllBytes(file), AnswerJson.Default.DockerConfigFile);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Wrong(file, $"it cannot be read: {error.Message}");
        }
        catch (JsonException)
        {
            // The parser's message may quote the content, which is secret.
            throw Wrong(file, "it is not valid JSON of docker's config.json");
        }

        var entry = Candidates(image).Select(key => Lookup(config?.Auths, key)).FirstOrDefault(found => found is not null);
        if (entry is not null && ToCredential(entry, file) is { } credential)
        {
            return credential;
        }

        if (config?.CredHelpers?.ContainsKey(image.Host) == true || config?.CredsStore is { Length: > 0 })
        {
            throw new RegistryException(
                RegistryFault.Usage, file, $"it keeps the credentials of {image.Host} in a credential helper, which is not run here", "write them into its \"auths\", for example with podman login --authfile");
        }

        return null;
    }

    /// <summary>The longest path first: <c>host/a/b</c>, <c>host/a</c>, <c>host</c> (containers-auth.json(5)).</summary>
    private static IEnumerable<string> Candidates(ImageReference image)
    {
        for (var key = image.Name; key.Contains('/', StringComparison.Ordinal); key = key[..key.LastIndexOf('/')])
        {
            yield return key;
        }

        yield return image.Host;
        if (image.Host == "docker.io")
        {
            yield return "index.docker.io";
            yield return "registry-1.docker.io";
        }
    }

    private static DockerConfigEntry? Lookup(Dictionary<string, DockerConfigEntry?>? auths, string key) =>
        auths?.FirstOrDefault(pair => Normalize(pair.Key) == key).Value;

    /// <summary>docker writes <c>https://index.docker.io/v1/</c> where others write a host.</summary>
    private static string Normalize(string key)
    {
        var scheme = key.IndexOf("://", StringComparison.Ordinal);
        var bare = (scheme < 0 ? key : key[(scheme + 3)..]).TrimEnd('/');
        foreach (var suffix in (string[])["/v1", "/v2"])
        {
            bare = bare.EndsWith(suffix, StringComparison.Ordinal) ? bare[..^suffix.Length] : bare;
        }

        return bare;
    }

    private static Credential? ToCredential(DockerConfigEntry entry, string file)
    {
        var (user, password) = (entry.Username ?? "", entry.Password ?? "");
        if (entry.Auth is { Length: > 0 })
        {
            string text;
            try
            {
                text = Encoding.UTF8.GetString(Convert.FromBase64String(entry.Auth)).TrimEnd('\0');
            }
            catch (FormatException)
            {
                throw Wrong(file, "an \"auth\" in it is not base64");
            }

            var colon = text.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0)
            {
                throw Wrong(file, "an \"auth\" in it is not user:password");
            }

            (user, password) = (text[..colon], text[(colon + 1)..]);
        }

        return user.Length > 0 || entry.IdentityToken is { Length: > 0 }
            ? new Credential(user, password, entry.IdentityToken is { Length: > 0 } token ? token : null)
            : null;
    }

    private static string Resolve(string path)
    {
        if (!Directory.Exists(path))
        {
            return path;
        }

        string[] names = ["config.json", ".dockerconfigjson", "auth.json"];
        return names.Select(name => Path.Combine(path, name)).FirstOrDefault(File.Exists)
            ?? throw Wrong(path, "the folder has no config.json and no .dockerconfigjson");
    }

    private static RegistryException Wrong(string file, string cause) =>
        new(RegistryFault.Usage, file, cause, "check the docker-config option and the Secret behind it");
}
