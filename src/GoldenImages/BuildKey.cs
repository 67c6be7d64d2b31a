using System.Security.Cryptography;
using System.Text;

namespace GoldenImages;

/// <summary>
/// What a golden image is a function of, as one digest: the source's digest, the customization (commands, and the bytes of
/// every file that they name), the sealing operations, and the number of what the guest steps do. Same key: same image, as
/// far as our inputs decide.
/// </summary>
/// <remarks>
/// The encoding is unambiguous: every text and list has its length in front, each part a domain of its own, and files are
/// hashed on their own before they are put in. A customization may hold a weak secret, and keys can be read by everyone who
/// may look at the image; so its digest is stretched (PBKDF2, RFC 8018) to make guessing as dear as from the guest's own
/// shadow file.
/// </remarks>
/// <param name="Value"><c>sha256:</c> and 64 hexadecimal digits.</param>
/// <param name="Inputs">The parts, to tell what changed.</param>
public sealed record BuildKey(string Value, BuildInputs Inputs)
{
    private const int Stretching = 100_000, ShortLength = 16;
    private const string Domain = "goldenimage.io/build-key/1/";

    /// <summary>Computes the key. Files are streamed; at most one is open at a time.</summary>
    /// <param name="sourceDigest">The digest of what is customized.</param>
    /// <param name="commands">The customization, in the order in which it is carried out.</param>
    /// <param name="usesNetwork">Whether its commands reach the network.</param>
    /// <param name="sealing">The names of the sealing operations; their order and repetition do not matter.</param>
    /// <param name="behaviour">The number that is raised by hand when the effect of the guest steps changes.</param>
    /// <param name="cancellation">Checked between files and in long ones.</param>
    /// <exception cref="IOException">A file can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    public static BuildKey Compute(
        string sourceDigest, IEnumerable<BuildCommand> commands, bool usesNetwork, IEnumerable<string> sealing, int behaviour,
        CancellationToken cancellation = default) =>
        Compute(sourceDigest, commands, usesNetwork, sealing, behaviour, Stretching, cancellation);

    /// <inheritdoc cref="Compute(string, IEnumerable{BuildCommand}, bool, IEnumerable{string}, int, CancellationToken)"/>
    internal static BuildKey Compute(
        string sourceDigest, IEnumerable<BuildCommand> commands, bool usesNetwork, IEnumerable<string> sealing, int behaviour,
        int stretching, CancellationToken cancellation = default)
    {
        var customization = Stretch(Customization(commands, usesNetwork, cancellation), stretching);
        var seal = Part("sealing", hash => hash.List(sealing.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), hash.Text));
        var whole = Part("key", hash =>
        {
            hash.Text(sourceDigest);
            hash.Bytes(customization);
            hash.Bytes(seal);
            hash.Number(behaviour);
        });
        return new BuildKey($"sha256:{Convert.ToHexStringLower(whole)}", new BuildInputs(Short(customization), Short(seal), behaviour));
    }

    private static byte[] Customization(IEnumerable<BuildCommand> commands, bool usesNetwork, CancellationToken cancellation) =>
        Part("customization", hash =>
        {
            hash.Number(usesNetwork ? 1 : 0);
            hash.List(commands, command =>
            {
                hash.Text(command.Text);
                hash.List(command.Files, file => Add(hash, file, cancellation));
            });
        });

    private static void Add(KeyHash hash, BuildFile file, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        hash.Text(file.Name);
        hash.Number((int)file.Kind);
        hash.Number(file.Mode ?? -1);
        hash.Text(file.Target ?? "");
        if (file.Open is not null)
        {
            using var content = file.Open();
            hash.Bytes(KeyHash.OfContent(content, cancellation));
        }
        else
        {
            hash.Bytes([]);
        }
    }

    private static byte[] Part(string name, Action<KeyHash> fill)
    {
        using var hash = new KeyHash(Domain + name);
        fill(hash);
        return hash.Digest();
    }

    private static byte[] Stretch(byte[] digest, int rounds) =>
        Rfc2898DeriveBytes.Pbkdf2(digest, Encoding.ASCII.GetBytes(Domain), rounds, HashAlgorithmName.SHA256, digest.Length);

    private static string Short(byte[] digest) => Convert.ToHexStringLower(digest)[..ShortLength];
}
