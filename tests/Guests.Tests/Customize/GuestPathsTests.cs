using FsCheck;
using FsCheck.Fluent;
using Guests.Customize.Files;
using Guests.Engine;

namespace Guests.Tests.Customize;

public sealed class GuestPathsTests
{
    private static readonly Tree Sample = new()
    {
        ["/etc"] = null,
        ["/etc/hosts"] = "f",
        ["/run"] = null,
        ["/run/lock"] = null,
        ["/var"] = null,
        ["/var/run"] = ">/run",
        ["/var/lock"] = ">run/lock",
        ["/root"] = null,
        ["/root/.ssh"] = ">/../../etc",
        ["/root/up"] = ">../../../../var",
        ["/loop"] = ">/loop2",
        ["/loop2"] = ">loop",
        ["/dangling"] = ">/nowhere/x",
    };

    [Theory]
    [InlineData("/etc/hosts", "/etc/hosts")]
    [InlineData("/etc//./hosts", "/etc/hosts")]
    [InlineData("/../../etc/hosts", "/etc/hosts")]
    [InlineData("/var/run/x", "/run/x")]
    [InlineData("/var/lock/y", "/run/lock/y")]
    [InlineData("/var/run/../etc/x", "/etc/x")]
    [InlineData("/root/.ssh/authorized_keys", "/etc/authorized_keys")]
    [InlineData("/root/up/run/z", "/run/z")]
    [InlineData("/dangling", "/nowhere/x")]
    [InlineData("/new/a/../b", "/new/b")]
    [InlineData("/", "/")]
    public void A_path_is_resolved_inside_the_guests_root(string path, string real)
    {
        Assert.Equal(real, GuestPaths.Resolve(Sample, path, followLast: true));
    }

    [Fact]
    public void The_last_link_stays_when_it_is_not_to_be_followed()
    {
        Assert.Equal("/var/run", GuestPaths.Resolve(Sample, "/var/run", followLast: false));
        Assert.Equal("/run/x", GuestPaths.Resolve(Sample, "/var/run/x", followLast: false));
    }

    [Theory]
    [InlineData("/loop/x")]
    [InlineData("/etc/hosts/x")]
    public void A_circle_and_a_file_as_a_folder_are_faults(string path)
    {
        Assert.Throws<GuestException>(() => GuestPaths.Resolve(Sample, path, followLast: true));
    }

    [Fact]
    public void No_resolved_path_has_a_link_in_its_parents_whatever_the_links_are()
    {
        var name = Gen.Elements("a", "b", "c", "..", ".", "");
        var path = name.ArrayOf().Select(parts => "/" + string.Join('/', parts.Take(6)));
        var target = Gen.OneOf(path, path.Select(p => p.TrimStart('/')));
        var places = Gen.Elements("/a", "/b", "/a/b", "/a/c", "/b/a", "/b/c/a", "/c").Zip(target).ArrayOf();
        Prop.ForAll(places.Zip(path).ToArbitrary(), sample =>
        {
            var tree = new Tree();
            foreach (var (place, link) in sample.Item1)
            {
                tree[place] = ">" + link;
            }

            string real;
            try
            {
                real = GuestPaths.Resolve(tree, sample.Item2, followLast: true);
            }
            catch (GuestException)
            {
                return true;
            }

            for (var at = real; at != "/"; at = GuestPaths.Parent(at))
            {
                if (tree.Look(at)?.Kind == GuestFileKind.Link || GuestPaths.Name(at) is "." or "..")
                {
                    return false;
                }
            }

            return true;
        }).QuickCheckThrowOnFailure();
    }

    /// <summary>Paths: null is a directory, as is every folder of a path; <c>&gt;</c> a link, anything else a file.</summary>
    private sealed class Tree : Dictionary<string, string?>, IGuestTree
    {
        public GuestFile? Look(string realPath) =>
            realPath == "/" || (!ContainsKey(realPath) && Keys.Any(path => path.StartsWith(realPath + "/", StringComparison.Ordinal))) ? new GuestFile(GuestFileKind.Directory, Modes.Directory, 0, 0, 0)
            : !TryGetValue(realPath, out var what) ? null
            : new GuestFile(
                what is null ? GuestFileKind.Directory : what.StartsWith('>') ? GuestFileKind.Link : GuestFileKind.File, Modes.File, 0, 0, 0);

        public string ReadLink(string realPath) => this[realPath]![1..];
    }
}
