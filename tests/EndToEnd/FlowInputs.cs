using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Lab;

namespace EndToEnd;

/// <summary>
/// What the user brings: <c>VENDOR_IMAGE=</c>, <c>VENDOR_FORMAT=</c>, <c>CUSTOMIZE=</c>, <c>OPERATIONS=</c>, <c>NETWORK=</c>.
/// </summary>
/// <param name="VendorImage">The vendor's disk; null for the one that <c>images/vendor-debian12</c> makes.</param>
/// <param name="VendorFormat"><c>raw</c> or <c>qcow2</c>.</param>
/// <param name="Customize">The commands file.</param>
/// <param name="Operations">What is sealed and checked, as the option <c>--operations</c> of both steps has it; empty for the defaults.</param>
/// <param name="Network">Whether the guest's commands may reach the network, for packages.</param>
public sealed record FlowInputs(string? VendorImage, string VendorFormat, string Customize, string Operations, bool Network)
{
    /// <summary>The customization that is taken when none is given.</summary>
    public static string Sample => Path.Combine(Repository.Root, "docs", "examples", "debian12-corp", "customize.commands");

    /// <summary>The vendor's disk, brought or made.</summary>
    public string VendorDiskPath => VendorImage ?? VendorDisk.Path;

    /// <summary>What the vendor's image is called in the registry and in the cluster: after its file.</summary>
    public string Name => VendorImage is null ? "debian12" : NameOf(VendorImage);

    /// <summary>The DataSource that is made of it.</summary>
    public string DataSource => $"{Name}-corp";

    /// <summary>Reads and checks them, so that a wrong name costs no minute of work.</summary>
    public static FlowInputs Read(IReadOnlyList<string> arguments)
    {
        var values = new Dictionary<string, string>();
        foreach (var name in (string[])["VENDOR_IMAGE", "VENDOR_FORMAT", "CUSTOMIZE", "OPERATIONS", "NETWORK"])
        {
            values[name] = Environment.GetEnvironmentVariable(name) ?? "";
        }

        foreach (var argument in arguments)
        {
            var equals = argument.IndexOf('=');
            if (equals < 0 || !values.ContainsKey(argument[..equals]))
            {
                throw new FlowException(2, $"'{argument}': not known; there are VENDOR_IMAGE=, VENDOR_FORMAT=raw|qcow2, CUSTOMIZE=, OPERATIONS= and NETWORK=true|false");
            }

            values[argument[..equals]] = argument[(equals + 1)..];
        }

        var image = values["VENDOR_IMAGE"] is { Length: > 0 } brought ? Path.GetFullPath(brought) : null;
        var format = image is null ? "qcow2" : Format(image, values["VENDOR_FORMAT"]);
        if (image is not null)
        {
            CheckDisk(image, format);
        }

        var customize = Path.GetFullPath(values["CUSTOMIZE"] is { Length: > 0 } own ? own : Sample);
        if (!File.Exists(customize))
        {
            throw new FlowException(2, $"CUSTOMIZE={customize}: there is no such file; name a file of customization commands, such as {Path.GetRelativePath(Environment.CurrentDirectory, Sample)}");
        }

        var network = values["NETWORK"] switch
        {
            "" or "false" => false,
            "true" => true,
            var other => throw new FlowException(2, $"NETWORK={other}: it is true or false"),
        };
        return new FlowInputs(image, format, customize, values["OPERATIONS"], network);
    }

    /// <summary>
    /// A hash over what decides how the golden disk will be: the vendor's disk, the commands, the steps themselves, and
    /// for our own example the folder around it. With an equal key the example's golden disk need not be made again.
    /// </summary>
    public string Key()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\0"));
        var vendor = new FileInfo(VendorDiskPath);
        Add($"{vendor.FullName} {vendor.Length} {vendor.LastWriteTimeUtc:O} {VendorFormat} {Operations} {Network}");
        var own = new FileInfo(Customize);
        IEnumerable<FileInfo> files = own.FullName == Sample
            ? own.Directory!.EnumerateFiles("*", SearchOption.AllDirectories)
            : [own];
        foreach (var file in files.OrderBy(file => file.FullName, StringComparer.Ordinal))
        {
            Add(file.FullName);
            hash.AppendData(SHA256.HashData(File.ReadAllBytes(file.FullName)));
        }

        foreach (var program in Directory.EnumerateFiles(Path.Combine(Repository.Artifacts, "steps"), "*.dll", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            Add(program);
            hash.AppendData(SHA256.HashData(File.ReadAllBytes(program)));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // A DNS label, with room for what is added to it.
    private static string NameOf(string file)
    {
        var stem = Path.GetFileNameWithoutExtension(file).ToLowerInvariant();
        var name = string.Concat(stem.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-')).Trim('-');
        return (name.Length > 30 ? name[..30].TrimEnd('-') : name) is { Length: > 0 } label ? label : "vendor";
    }

    private static string Format(string image, string given) => (given, Path.GetExtension(image)) switch
    {
        ("raw" or "qcow2", _) => given,
        ("", ".qcow2") => "qcow2",
        ("", ".raw") => "raw",
        ("", var other) => throw new FlowException(2, $"VENDOR_IMAGE={image}: '{other}' does not tell the format; add VENDOR_FORMAT=raw or VENDOR_FORMAT=qcow2"),
        _ => throw new FlowException(2, $"VENDOR_FORMAT={given}: it is raw or qcow2"),
    };

    // QEMU's docs/interop/qcow2.txt: magic, version, offset of the backing file's name at 8; incompatible features at 72.
    private static void CheckDisk(string image, string format)
    {
        if (!File.Exists(image))
        {
            throw new FlowException(2, $"VENDOR_IMAGE={image}: there is no such file");
        }

        var header = new byte[80];
        try
        {
            using var file = File.OpenRead(image);
            _ = file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false); // a shorter file leaves zeros, which are no header
        }
        catch (UnauthorizedAccessException)
        {
            throw new FlowException(3, $"VENDOR_IMAGE={image}: it may not be read; run as its owner, or change its mode");
        }

        if (format != "qcow2")
        {
            return;
        }

        if (BinaryPrimitives.ReadUInt32BigEndian(header) != 0x514649fb)
        {
            throw new FlowException(5, $"VENDOR_IMAGE={image}: it is not a qcow2 file; say VENDOR_FORMAT=raw if it is a raw disk");
        }

        var version = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4));
        var external = version >= 3 && (BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(72)) & 4) != 0;
        if (external || BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(8)) != 0)
        {
            throw new FlowException(5, $"VENDOR_IMAGE={image}: it refers to another file (backing or data file); flatten it: qemu-img convert -O qcow2 {image} flat.qcow2");
        }
    }
}
