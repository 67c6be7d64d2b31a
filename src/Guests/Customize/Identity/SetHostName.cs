using System.Text;
using System.Text.RegularExpressions;
using Guests.Customize.Files;
using Guests.Customize.Language;

namespace Guests.Customize.Identity;

/// <summary>
/// <c>hostname NAME</c>: <c>/etc/hostname</c>; the old name's places in Debian's <c>/etc/hosts</c>; <c>PRETTY_HOSTNAME</c>
/// of machine-info(5) on Red Hat's family; <c>/etc/HOSTNAME</c> on SUSE's.
/// </summary>
sealed partial class SetHostName(CommandOrigin origin, string name) : Operation(origin)
{
    public override string Describe() => name;

    public override void Apply(Session session)
    {
        var (files, system) = (session.Files, session.System);
        var old = FirstLine(files.Read("/etc/hostname"));
        files.Write("/etc/hostname", Encoding.ASCII.GetBytes(name + "\n"));
        if (system.IsLike("debian") && old.Length > 0 && files.Read("/etc/hosts") is { } hosts)
        {
            files.Write("/etc/hosts", Replace(hosts, old, name));
        }
        else if (system.IsLike("fedora") || system.IsLike("rhel"))
        {
            var info = Encoding.Latin1.GetString(files.Read("/etc/machine-info") ?? []).Split('\n')
                .Where(line => line.Length > 0 && !line.StartsWith("PRETTY_HOSTNAME=", StringComparison.Ordinal))
                .Append($"PRETTY_HOSTNAME={name}");
            files.Write("/etc/machine-info", Encoding.Latin1.GetBytes(string.Concat(info.Select(line => line + "\n"))));
        }
        else if (system.IsLike("suse") && files.Find("/etc/HOSTNAME") is not null)
        {
            files.Write("/etc/HOSTNAME", Encoding.ASCII.GetBytes(name + "\n"));
        }
    }

    /// <summary>
    /// Replaces a name in hosts(5) where it is a word of its own, behind the address and before any comment, and its first
    /// label by the new one's. <c>localhost</c> stays: images often carry it as their name, and it must go on resolving.
    /// </summary>
    internal static byte[] Replace(byte[] hosts, string old, string name)
    {
        string Renamed(string word) =>
            word == "localhost" ? word
            : word == old ? name
            : word == old.Split('.')[0] ? name.Split('.')[0]
            : word;

        var lines = Encoding.Latin1.GetString(hosts).Split('\n').Select(line =>
        {
            var comment = line.IndexOf('#', StringComparison.Ordinal);
            var entry = comment < 0 ? line : line[..comment];
            var words = Words().Split(entry);
            var isAddress = true;
            for (var i = 0; i < words.Length; i += 2)
            {
                words[i] = isAddress ? words[i] : Renamed(words[i]);
                isAddress &= words[i].Length == 0;
            }

            return string.Concat(words) + (comment < 0 ? "" : line[comment..]);
        });
        return Encoding.Latin1.GetBytes(string.Join('\n', lines));
    }

    private static string FirstLine(byte[]? content) =>
        Encoding.Latin1.GetString(content ?? []).Split('\n').Select(line => line.Trim()).FirstOrDefault(line => line.Length > 0 && line[0] != '#') ?? "";

    // Words at even places, the blanks between them at odd ones.
    [GeneratedRegex(@"(?<blanks>[ \t\r]+)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Words();
}

/// <summary><c>timezone ZONE</c>: <c>/etc/localtime</c> becomes a link to the zone, which the guest must have.</summary>
sealed class SetTimeZone(CommandOrigin origin, string zone) : Operation(origin)
{
    public override string Describe() => zone;

    public override void Apply(Session session)
    {
        var files = session.Files;
        var target = $"/usr/share/zoneinfo/{zone}";
        if (files.Find(target) is not { Kind: Engine.GuestFileKind.File })
        {
            throw new Engine.GuestException(
                Engine.GuestFault.Change, zone, "the guest has no such time zone", "check the name (Region/City), or install tzdata in the guest first");
        }

        files.Put(new StagedFile
        {
            Path = files.RealParent("/etc/localtime"),
            Kind = Engine.GuestFileKind.Link,
            Mode = Modes.Link,
            Target = target,
        });

        // Debian's tzdata would set localtime back to what this file names.
        if (files.Find("/etc/timezone") is not null)
        {
            files.Write("/etc/timezone", Encoding.ASCII.GetBytes(zone + "\n"));
        }
    }
}
