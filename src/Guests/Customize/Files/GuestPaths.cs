using Guests.Engine;

namespace Guests.Customize.Files;

/// <summary>What a path resolver must know of a filesystem: the guest's, with what is staged on top of it.</summary>
interface IGuestTree
{
    /// <summary>What stands at a path itself, all of whose parents are real directories; null when nothing does.</summary>
    GuestFile? Look(string realPath);

    /// <summary>A link's target.</summary>
    string ReadLink(string realPath);
}

/// <summary>
/// Resolves a guest's path inside the guest's root, link by link, as path_resolution(7) does in a chroot.
/// </summary>
/// <remarks>
/// Needed because guestfsd unpacks a tar outside any chroot (<c>tar -C /sysroot/DIR</c>, daemon/tar.c): an absolute link in
/// the guest, such as <c>/var/run -> /run</c> or a hostile <c>/root/.ssh -> /etc</c>, would lead into the appliance. A path
/// that comes out of here has no link in any of its parents.
/// </remarks>
static class GuestPaths
{
    /// <summary>As many links as Linux follows (MAXSYMLINKS).</summary>
    private const int MostLinks = 40;

    /// <summary>
    /// The real path. Missing components stay as they are written. With <paramref name="followLast"/> the last component's
    /// link is followed too.
    /// </summary>
    public static string Resolve(IGuestTree tree, string path, bool followLast)
    {
        var links = 0;
        var pending = new Stack<string>(Parts(path).Reverse());
        var real = new List<string>();
        var missing = false;
        while (pending.TryPop(out var part))
        {
            if (part == "..")
            {
                if (real.Count > 0)
                {
                    real.RemoveAt(real.Count - 1);
                }

                missing = false;
                continue;
            }

            real.Add(part);
            if (missing || (pending.Count == 0 && !followLast))
            {
                continue;
            }

            var at = Join(real);
            var file = tree.Look(at);
            missing = file is null;
            if (file?.Kind == GuestFileKind.Link)
            {
                if (++links > MostLinks)
                {
                    throw new GuestException(
                        GuestFault.Integrity, path, "more than 40 symbolic links follow one another", "the guest's links go in a circle: repair or replace the image");
                }

                var target = tree.ReadLink(at);
                real.RemoveAt(real.Count - 1);
                if (target.StartsWith('/'))
                {
                    real.Clear();
                }

                foreach (var targetPart in Parts(target).Reverse())
                {
                    pending.Push(targetPart);
                }
            }
            else if (file is { Kind: not GuestFileKind.Directory } && pending.Count > 0)
            {
                throw new GuestException(GuestFault.Change, path, $"{at} is not a directory", "choose another path");
            }
        }

        return Join(real);
    }

    /// <summary>The directory of a path; <c>/</c> for one at the root.</summary>
    public static string Parent(string path)
    {
        var slash = path.LastIndexOf('/');
        return slash <= 0 ? "/" : path[..slash];
    }

    /// <summary>The last component.</summary>
    public static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];

    /// <summary>A name below a directory.</summary>
    public static string Below(string directory, string name) => directory == "/" ? "/" + name : $"{directory}/{name}";

    private static IEnumerable<string> Parts(string path) => path.Split('/').Where(part => part is not ("" or "."));

    private static string Join(List<string> parts) => "/" + string.Join('/', parts);
}
