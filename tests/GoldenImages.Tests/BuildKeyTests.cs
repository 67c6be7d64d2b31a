using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace GoldenImages.Tests;

public sealed class BuildKeyTests
{
    private static readonly Gen<FileModel> File =
        from name in Generators.Crumb
        from kind in Gen.Elements(BuildFileKind.File, BuildFileKind.Directory, BuildFileKind.Link)
        from mode in Gen.Elements<int?>(null, 0, 420, 493)
        from target in Generators.Crumb
        from content in Generators.Crumb
        select new FileModel(name, kind, mode, kind == BuildFileKind.Link ? target : null, kind == BuildFileKind.File ? content : null);

    private static readonly Gen<CommandModel> Command =
        from text in Generators.Crumb
        from count in Gen.Choose(0, 2)
        from files in Gen.ArrayOf(File, count)
        select new CommandModel(text, files);

    private static readonly Gen<Model> Models =
        from source in Generators.Crumb
        from count in Gen.Choose(0, 3)
        from commands in Gen.ArrayOf(Command, count)
        from network in Gen.Elements(true, false)
        from operations in Gen.Choose(0, 3)
        from sealing in Gen.ArrayOf(Generators.Crumb, operations)
        from behaviour in Gen.Choose(0, 2)
        select new Model(source, commands, network, sealing, behaviour);

    [Fact]
    public void Two_builds_have_the_same_key_exactly_when_their_inputs_are_the_same() =>
        (from a in Models from b in Models select (a, b)).Holds(
            pair => Assert.Equal(pair.a.Canonical == pair.b.Canonical, pair.a.Key(1) == pair.b.Key(7)), times: 3000);

    [Fact]
    public void The_smallest_change_of_any_input_moves_the_key() =>
        (from model in Models from seed in Gen.Choose(0, int.MaxValue) select (model, seed)).Holds(
            pair =>
            {
                var changed = pair.model.Change(new System.Random(pair.seed));
                Assert.NotEqual(pair.model.Canonical, changed.Canonical);
                Assert.NotEqual(pair.model.Key(3), changed.Key(3));
            }, times: 3000);

    [Fact]
    public void Order_and_repetition_of_sealing_operations_do_not_move_the_key() =>
        Models.Holds(model =>
        {
            var again = model with { Sealing = [.. model.Sealing.Reverse(), .. model.Sealing.Take(1)] };
            Assert.Equal(model.Key(3), again.Key(3));
        });

    [Fact]
    public void Each_part_tells_what_changed_and_nothing_else()
    {
        var model = new Model("sha256:1", [new CommandModel("install nginx", [])], true, ["logfiles"], 1);
        var parts = model.Compute(3).Inputs;
        Assert.Equal(parts, (model with { Source = "sha256:2" }).Compute(3).Inputs);
        Assert.Equal(parts with { Behaviour = 2 }, (model with { Behaviour = 2 }).Compute(3).Inputs);
        var sealing = (model with { Sealing = ["logfiles", "tmp-files"] }).Compute(3).Inputs;
        Assert.Equal(parts, sealing with { Sealing = parts.Sealing });
        Assert.NotEqual(parts, sealing);
        var commands = (model with { Commands = [new CommandModel("install nginx2", [])] }).Compute(3).Inputs;
        Assert.Equal(parts, commands with { Customization = parts.Customization });
        Assert.NotEqual(parts, commands);
    }

    [Fact]
    public void The_parts_survive_the_way_through_an_annotation() =>
        Models.Holds(model => Assert.Equal(model.Compute(3).Inputs, BuildInputs.Parse(model.Compute(3).Inputs.ToString())), times: 200);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("2,0123456789abcdef,0123456789abcdef,1")]
    [InlineData("1,0123456789abcdef,0123456789abcdef")]
    [InlineData("1,0123456789abcdef,0123456789abcde,1")]
    [InlineData("1,0123456789abcdef,0123456789abcdef,-1")]
    [InlineData("1,0123456789abcdef,0123456789abcdef,99999999999")]
    public void An_annotation_that_is_not_ours_gives_no_parts(string? text) => Assert.Null(BuildInputs.Parse(text));

    [Fact]
    public void The_encoding_is_what_another_program_makes_of_it_and_stays()
    {
        var key = BuildKey.Compute(
            "sha256:68b44f",
            [new BuildCommand("upload motd:/etc/motd", [new BuildFile("motd", BuildFileKind.File, 420, null, () => new MemoryStream("hello\n"u8.ToArray()))])],
            usesNetwork: true, ["ssh-hostkeys", "machine-id"], behaviour: 1);
        Assert.Equal("sha256:d0274047e0007ade59d1c45154bc9a867c9ebbdf56cfd92c8e16bbbac36a245b", key.Value);
        Assert.Equal("1,26ae525c8ebceff1,935f62dc79269209,1", key.Inputs.ToString());
    }

    [Fact]
    public void A_large_file_is_never_in_memory_as_a_whole()
    {
        const long length = 300L << 20;
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var zeros = new Zeros(length);
        _ = BuildKey.Compute("s", [new BuildCommand("c", [new BuildFile("f", BuildFileKind.File, null, null, () => zeros)])], false, [], 1, stretching: 1);
        Assert.Equal(length, zeros.Position);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void A_key_can_be_given_up_in_the_middle_of_a_file()
    {
        using var stop = new CancellationTokenSource();
        using var zeros = new Zeros(long.MaxValue, read => stop.Cancel());
        Assert.Throws<OperationCanceledException>(() => BuildKey.Compute(
            "s", [new BuildCommand("c", [new BuildFile("f", BuildFileKind.File, null, null, () => zeros)])], false, [], 1, stop.Token));
    }

    private sealed record FileModel(string Name, BuildFileKind Kind, int? Mode, string? Target, string? Content)
    {
        public string Canonical => $"[{Hex(Name)} {Kind} {Mode} {Hex(Target ?? "")} {Hex(Content ?? "")}]";

        public BuildFile Build(int chunk) => new(Name, Kind, Mode, Target, Content is null ? null : () => new Trickle(Encoding.BigEndianUnicode.GetBytes(Content.Replace('\ud800', 'x').Replace('\udc00', 'y')), chunk));
    }

    private sealed record CommandModel(string Text, IReadOnlyList<FileModel> Files)
    {
        public string Canonical => $"{{{Hex(Text)} {string.Concat(Files.Select(file => file.Canonical))}}}";
    }

    private sealed record Model(string Source, IReadOnlyList<CommandModel> Commands, bool Network, IReadOnlyList<string> Sealing, int Behaviour)
    {
        /// <summary>The same inputs as a text that cannot be taken for another's: what the key is judged by.</summary>
        public string Canonical =>
            $"{Hex(Source)}|{string.Concat(Commands.Select(command => command.Canonical))}|{Network}|{string.Join(' ', Sealing.Distinct().Order(StringComparer.Ordinal).Select(Hex))}|{Behaviour}";

        public string Key(int chunk) => Compute(chunk).Value;

        public BuildKey Compute(int chunk) => BuildKey.Compute(
            Source, Commands.Select(command => new BuildCommand(command.Text, [.. command.Files.Select(file => file.Build(chunk))])), Network, Sealing, Behaviour, stretching: 1);

        public Model Change(System.Random random)
        {
            var at = Commands.Count == 0 ? 0 : random.Next(Commands.Count);
            var command = Commands.Count == 0 ? null : Commands[at];
            var file = command is null || command.Files.Count == 0 ? null : command.Files[random.Next(command.Files.Count)];
            return random.Next(9) switch
            {
                0 => this with { Source = Source + "a" },
                1 => this with { Network = !Network },
                2 => this with { Behaviour = Behaviour + 1 },
                3 => this with { Sealing = [.. Sealing, "new"] },
                4 when command is not null => this with { Commands = [.. Commands.Take(at), .. Commands.Skip(at + 1)] },
                5 when command is not null => WithCommand(at, command with { Text = command.Text + "\0" }),
                6 when file is not null => WithFile(at, file, file with { Name = file.Name + "a" }),
                7 when file is { Content: not null } => WithFile(at, file, file with { Content = "a" + file.Content }),
                8 when file is not null => WithFile(at, file, file with { Mode = file.Mode is null ? 0 : null }),
                _ => this with { Commands = [.. Commands, new CommandModel("", [])] },
            };
        }

        private Model WithCommand(int at, CommandModel command) => this with { Commands = [.. Commands.Take(at), command, .. Commands.Skip(at + 1)] };

        private Model WithFile(int at, FileModel old, FileModel file)
        {
            var files = Commands[at].Files.ToList();
            files[files.IndexOf(old)] = file;
            return WithCommand(at, Commands[at] with { Files = [.. files] });
        }
    }

    private static string Hex(string text) => $"<{string.Concat(text.Select(c => $"{(int)c:x4}"))}>";

    /// <summary>Gives a few bytes at a time, as pipes and networks do.</summary>
    private sealed class Trickle(byte[] bytes, int chunk) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(chunk, buffer.Length)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(chunk, count));
    }

    private sealed class Zeros(long length, Action<long>? onRead = null) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position { get; set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = (int)Math.Min(count, length - Position);
            Position += read;
            onRead?.Invoke(Position);
            return read;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
