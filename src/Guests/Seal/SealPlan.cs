using Guests.Engine;

namespace Guests.Seal;

/// <summary>Which operations run, and which authorized keys are the user's own.</summary>
/// <param name="Operations">In the registry's order.</param>
/// <param name="KeptKeys">Keys that stay, and that the check accepts.</param>
public sealed record SealPlan(IReadOnlyList<SealOperation> Operations, AuthorizedKeys KeptKeys)
{
    /// <summary>Names of default operations that are not among these: what a check does not speak of.</summary>
    public IReadOnlyList<string> LeftOut => [.. SealOperations.All.Where(o => o.IsDefault && !Operations.Contains(o)).Select(o => o.Name)];

    /// <summary>virt-sysprep's operations that make no sense here, with the reason.</summary>
    private static readonly Dictionary<string, string> NotOffered = new(StringComparer.Ordinal)
    {
        ["customize"] = "the customization is a step of its own",
        ["script"] = "commands belong to the customization",
        ["user-account"] = "users are removed by the customization, by name",
        ["fs-uuids"] = "the guest's fstab and boot loader name them",
        ["lvm-uuids"] = "the guest's list of devices names them",
        ["flag-reconfiguration"] = "its first-boot questions would stop an unattended machine",
    };

    /// <summary>
    /// Reads the option <c>operations</c>: names separated by commas, from left to right; <c>defaults</c>, <c>all</c>, a name,
    /// or <c>-name</c> to take one out. Empty, or starting with a <c>-name</c>, it starts from the defaults.
    /// </summary>
    /// <param name="operations">The option.</param>
    /// <param name="keptKeys">The option <c>keep-authorized-keys</c>, already read.</param>
    /// <exception cref="GuestException"><see cref="GuestFault.Input"/>: unknown names, every one of them, or nothing chosen.</exception>
    public static SealPlan Parse(string operations, AuthorizedKeys? keptKeys = null)
    {
        var words = operations.Split([',', ' ', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var chosen = new HashSet<string>(StringComparer.Ordinal);
        if (words.Length == 0 || words[0].StartsWith('-'))
        {
            words = ["defaults", .. words];
        }

        var unknown = new List<string>();
        foreach (var word in words)
        {
            var remove = word.StartsWith('-');
            var name = remove ? word[1..] : word;
            IEnumerable<string>? names = name switch
            {
                "defaults" => SealOperations.All.Where(o => o.IsDefault).Select(o => o.Name),
                "all" => SealOperations.All.Select(o => o.Name),
                _ when SealOperations.All.Any(o => o.Name == name) => [name],
                _ => null,
            };
            if (names is null)
            {
                unknown.Add(Explain(name));
            }
            else if (remove)
            {
                chosen.ExceptWith(names);
            }
            else
            {
                chosen.UnionWith(names);
            }
        }

        if (unknown.Count > 0)
        {
            throw new GuestException(GuestFault.Input, "operations", string.Join("; ", unknown), "names are separated by commas, -name takes one out of the defaults");
        }

        if (chosen.Count == 0)
        {
            throw new GuestException(GuestFault.Input, "operations", "nothing is left to seal or to look for", "name an operation, or leave one in");
        }

        return new SealPlan([.. SealOperations.All.Where(o => chosen.Contains(o.Name))], keptKeys ?? AuthorizedKeys.None);
    }

    private static string Explain(string name)
    {
        var shown = GuestText.Printable(name, 40);
        if (NotOffered.TryGetValue(name, out var reason))
        {
            return $"{shown} is not offered: {reason}";
        }

        var nearest = SealOperations.All.Select(o => o.Name).MinBy(known => Spelling.Distance(known, name.Length > 40 ? name[..40] : name))!;
        return $"{shown} is unknown, did you mean {nearest}?";
    }
}
