using System.Text.RegularExpressions;

namespace Guests.Customize.Language;

/// <summary>
/// The pieces that commands' arguments are made of, checked. A message repeats what the user wrote only where it cannot be
/// a secret: names and paths, never contents and selectors.
/// </summary>
static partial class Arguments
{
    /// <summary>The longest path of Linux (PATH_MAX, without its final zero).</summary>
    private const int LongestPath = 4095;

    /// <summary>Splits <c>A:B</c> at the first colon.</summary>
    public static (string Left, string Right) Pair(string argument, string form)
    {
        var colon = argument.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && colon + 1 < argument.Length
            ? (argument[..colon], argument[(colon + 1)..])
            : throw new MistakeException("the argument is not complete", $"write it as {form}");
    }

    /// <summary>An absolute path of the guest, below its root; a trailing slash is dropped.</summary>
    public static string GuestPath(string path)
    {
        if (path.Length == 0 || path[0] != '/')
        {
            throw new MistakeException("a guest's path must start with '/'", "name the whole path in the guest");
        }

        if (path.Length > LongestPath || path.AsSpan().ContainsAny('\0', '\n', '\r'))
        {
            throw new MistakeException("the path is too long or has a line break in it", "check the line before it for a '\\' at its end");
        }

        var trimmed = path.TrimEnd('/');
        return trimmed.Length == 0 ? "/" : trimmed;
    }

    /// <summary>A guest's path that is not the root itself.</summary>
    public static string GuestPathBelowRoot(string path)
    {
        var checkedPath = GuestPath(path);
        return checkedPath.Split('/').All(part => part is "" or "." or "..")
            ? throw new MistakeException("this would be the guest's root itself", "name something below '/'")
            : checkedPath;
    }

    /// <summary>Permission bits as virt-customize reads them: octal with a leading 0, otherwise decimal.</summary>
    public static int Mode(string text)
    {
        var octal = text.StartsWith('0');
        var mode = 0;
        foreach (var digit in text)
        {
            if (digit < '0' || digit > (octal ? '7' : '9') || (mode = (mode * (octal ? 8 : 10)) + digit - '0') > 0xFFF)
            {
                throw new MistakeException(
                    "the mode must be a number from 0 to 07777", "write it in octal with a leading 0, for example 0644");
            }
        }

        return mode;
    }

    /// <summary>A user or group id, 0 to 2^31-1.</summary>
    public static int Id(string text, string what) =>
        text.Length is > 0 and <= 10 && text.All(char.IsAsciiDigit) && long.Parse(text) <= int.MaxValue
            ? int.Parse(text)
            : throw new MistakeException($"the {what} must be a number from 0 to {int.MaxValue}", "write the number");

    /// <summary>A login or group name, as useradd(8) takes it.</summary>
    public static string AccountName(string text) =>
        AccountNamePattern().IsMatch(text)
            ? text
            : throw new MistakeException(
                "this is no account name", "use up to 32 of a-z, 0-9, '_' and '-', with a letter or '_' first");

    /// <summary>Whether the text could be an account's name on a guest that is not ours to judge (domain users, capitals).</summary>
    public static string ExistingAccountName(string text) =>
        ExistingAccountNamePattern().IsMatch(text)
            ? text
            : throw new MistakeException("this is no account name", "name a user of the guest");

    /// <summary>A host name, see hostname(7): labels of letters, digits and hyphens, at most 64 characters in all.</summary>
    public static string HostName(string text) =>
        text.Length <= 64 && HostNamePattern().IsMatch(text)
            ? text
            : throw new MistakeException(
                "this is no host name", "use up to 64 letters, digits, '-' and '.'; each part starts and ends with a letter or digit");

    /// <summary>A time zone's name as /usr/share/zoneinfo has it.</summary>
    public static string TimeZone(string text) =>
        text.Length <= 128 && TimeZonePattern().IsMatch(text)
            ? text
            : throw new MistakeException("this is no time zone's name", "write it as Region/City, for example Europe/Prague");

    /// <summary>Package names, separated by commas. They go into a shell's line, so nothing that a shell knows is let through.</summary>
    public static IReadOnlyList<string> Packages(string text)
    {
        var names = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return names.Length > 0 && names.All(name => PackagePattern().IsMatch(name))
            ? names
            : throw new MistakeException(
                "this is no list of packages", "separate names by commas; a name has letters, digits and . + - _ : = ~ ^ @ /");
    }

    [GeneratedRegex(@"^[a-z_][a-z0-9_-]{0,31}\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex AccountNamePattern();

    [GeneratedRegex(@"^[A-Za-z0-9_.][A-Za-z0-9_.@$-]{0,255}\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ExistingAccountNamePattern();

    [GeneratedRegex(@"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex HostNamePattern();

    [GeneratedRegex(@"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex TimeZonePattern();

    [GeneratedRegex(@"^[A-Za-z0-9@/][A-Za-z0-9.+_:=~^@/-]*\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex PackagePattern();
}
