using System.Formats.Tar;
using System.Text;
using Guests.Customize.Files;
using Guests.Customize.Identity;
using Guests.Engine;
using Lab;

namespace Guests.Tests.Customize;

public sealed class ContentTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_name_that_a_tar_would_change_is_refused(bool isTarget)
    {
        // Not as arguments: attributes hold UTF-8, where a lone surrogate has no place.
        var stray = GuestText.Decode([(byte)'a', 0xff]);
        var path = isTarget ? "/srv/x" : $"/srv/{stray}/x";
        var target = isTarget ? stray : null;
        var file = new StagedFile { Path = path, Kind = target is null ? GuestFileKind.File : GuestFileKind.Link, Target = target };
        var fault = Assert.Throws<GuestException>(() => TarStream.Write(Stream.Null, [file], TimeProvider.System, CancellationToken.None));
        Assert.Equal(GuestFault.Integrity, fault.Fault);
        Assert.DoesNotContain(fault.Message, char.IsSurrogate);
    }

    [Theory]
    [InlineData("", "x", "x\n")]
    [InlineData("a", "x", "a\nx\n")]
    [InlineData("a\n", "x", "a\nx\n")]
    [InlineData("a\r\nb", "x", "a\r\nb\r\nx\r\n")]
    public void A_line_is_appended_with_the_files_own_line_ends(string content, string line, string expected)
    {
        Assert.Equal(expected, Encoding.UTF8.GetString(AppendLine.Append(Encoding.UTF8.GetBytes(content), line)));
    }

    [Theory]
    [InlineData("127.0.1.1 old\n", "127.0.1.1 new\n")]
    [InlineData("127.0.1.1\told.example\told  # old\n", "127.0.1.1\told.example\tnew  # old\n")]
    [InlineData("  ::1 older old x", "  ::1 older new x")]
    [InlineData("old old", "old new")]
    [InlineData("# old\n\n", "# old\n\n")]
    [InlineData("\u00ff\u0000 old", "\u00ff\u0000 new")]
    public void The_old_name_is_replaced_in_hosts_where_it_is_a_word(string hosts, string expected)
    {
        Assert.Equal(expected, Encoding.Latin1.GetString(SetHostName.Replace(Encoding.Latin1.GetBytes(hosts), "old", "new")));
    }

    [Theory]
    [InlineData("localhost", "127.0.0.1 localhost x\n", "127.0.0.1 localhost x\n")]
    [InlineData("localhost.vendor", "127.0.0.1 localhost localhost.vendor\n", "127.0.0.1 localhost new.example\n")]
    [InlineData("old.vendor", "127.0.1.1 old.vendor old\n", "127.0.1.1 new.example new\n")]
    public void Localhost_stays_and_the_short_name_follows_the_long_one(string old, string hosts, string expected)
    {
        Assert.Equal(expected, Encoding.Latin1.GetString(SetHostName.Replace(Encoding.Latin1.GetBytes(hosts), old, "new.example")));
    }

    [Fact]
    public void A_tar_of_staged_files_is_read_by_another_tar_with_owners_modes_and_links()
    {
        using var scratch = new Scratch();
        var large = scratch.File("large", new string('x', 3_000_000));
        var deep = "/" + string.Join('/', Enumerable.Repeat("a-folder-with-a-long-name", 12));
        using (var output = File.Create(scratch["out.tar"]))
        {
            TarStream.Write(output,
            [
                new StagedFile { Path = "/d", Kind = GuestFileKind.Directory, Mode = Modes.PrivateDirectory, Uid = 7, Gid = 8 },
                new StagedFile { Path = "/d/f", Kind = GuestFileKind.File, Mode = 0xDED, Uid = 1000000, Gid = 3, Content = "hello"u8.ToArray() },
                new StagedFile { Path = "/d/l", Kind = GuestFileKind.Link, Mode = Modes.Link, Target = "/abs/target" },
                new StagedFile { Path = deep, Kind = GuestFileKind.File, Mode = Modes.File, LocalPath = large },
            ], TimeProvider.System, CancellationToken.None);
        }

        var listing = Tool.Run("tar", "--numeric-owner", "-tvf", scratch["out.tar"]).Output.Split('\n');
        Assert.StartsWith("drwx------ 7/8 ", listing[0], StringComparison.Ordinal);
        Assert.StartsWith("-rwsr-sr-x 1000000/3 ", listing[1], StringComparison.Ordinal);
        Assert.EndsWith(" d/l -> /abs/target", listing[2], StringComparison.Ordinal);
        Assert.Matches("^-rw-r--r-- 0/0 +3000000 ", listing[3]);
        Assert.EndsWith(deep[1..], listing[3], StringComparison.Ordinal);
    }

    [Fact]
    public void A_mounted_ConfigMap_is_taken_as_what_it_shows()
    {
        using var scratch = new Scratch();
        scratch.File("map/..2026_01_01/key", "value");
        File.CreateSymbolicLink(scratch["map/..data"], "..2026_01_01");
        File.CreateSymbolicLink(scratch["map/key"], "..data/key");
        File.CreateSymbolicLink(scratch["map/other"], "elsewhere");
        var tree = LocalTree.Scan(scratch["map"]);
        Assert.Equal(["map", "map/key", "map/other"], tree.Entries().Select(entry => entry.Relative));
        var staged = tree.Entries().Select(entry => LocalTree.Stage(entry.Local, "/x")).ToList();
        Assert.Equal([GuestFileKind.Directory, GuestFileKind.File, GuestFileKind.Link], staged.Select(file => file.Kind));
        using var output = new MemoryStream();
        TarStream.Write(output, staged.Skip(1).Take(1), TimeProvider.System, CancellationToken.None);
        output.Position = 0;
        using var reader = new TarReader(output);
        Assert.Equal(5, reader.GetNextEntry()!.Length);
    }
}
