using Guests.Customize.Accounts;
using Guests.Customize.Commands;
using Guests.Customize.Files;
using Guests.Customize.Language;
using Guests.Engine;
using Guests.Inspect;

namespace Guests.Customize;

/// <summary>
/// A customization: commands in the language of <c>virt-customize --commands-from-file</c>, all of them checked, carried out
/// in their order. See docs/customization.md.
/// </summary>
public sealed class Customization : IGuestChange
{
    private readonly IReadOnlyList<Operation> _operations;
    private readonly bool _hasNetwork;
    private readonly TimeProvider _time;

    private Customization(IReadOnlyList<Operation> operations, IReadOnlyList<CustomizationInput> inputs, bool hasNetwork, TimeProvider time) =>
        (_operations, Inputs, _hasNetwork, _time) = (operations, inputs, hasNetwork, time);

    /// <summary>How many commands there are.</summary>
    public int Count => _operations.Count;

    /// <summary>All that the customization is made of: the commands in their order, with the local files that they name.</summary>
    public IReadOnlyList<CustomizationInput> Inputs { get; }

    /// <summary>The network is asked for only when a command of the guest's will run.</summary>
    public bool NeedsNetwork => _hasNetwork && _operations.Any(operation => operation is RunInGuest);

    /// <summary>
    /// Reads and checks commands, one source after the other. Every mistake is added to <paramref name="mistakes"/>; the
    /// result is null when there is any.
    /// </summary>
    /// <param name="sources">The texts, in the order in which they are carried out.</param>
    /// <param name="hasNetwork">Whether the guest's commands may reach the network.</param>
    /// <param name="mistakes">Takes what is wrong.</param>
    /// <param name="time">The clock.</param>
    public static Customization? Read(
        IEnumerable<CommandSource> sources, bool hasNetwork, List<Mistake> mistakes, TimeProvider? time = null)
    {
        var before = mistakes.Count;
        var operations = new List<Operation>();
        var inputs = new List<CustomizationInput>();
        PasswordCrypto? crypto = null;
        foreach (var source in sources)
        {
            ReadSource(source, hasNetwork, operations, inputs, mistakes, ref crypto);
        }

        foreach (var twice in operations.OfType<SetPassword>().GroupBy(operation => operation.User, StringComparer.Ordinal).SelectMany(same => same.Skip(1)))
        {
            mistakes.Add(new Mistake(twice.Origin, $"the password of {twice.User} is set twice", "leave one of them out"));
        }

        foreach (var password in operations.OfType<SetPassword>())
        {
            password.Crypto = crypto;
        }

        // Wherever the flag stands, it is for all passwords, and the last one counts.
        if (crypto is not null && operations.Any(operation => operation is SetPassword))
        {
            inputs.Add(CustomizationInput.Of(CommandTable.PasswordCryptoFlag, crypto.Value.ToString(), []));
        }

        return mistakes.Count == before ? new Customization(operations, inputs, hasNetwork, time ?? TimeProvider.System) : null;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Describe() => [.. _operations.Select(operation => $"{operation.Origin} {operation.Describe()}")];

    /// <inheritdoc/>
    public void Apply(IGuest guest, GuestSystem system, Action<string> log, CancellationToken cancellation)
    {
        var check = new Preflight(guest, system);
        foreach (var operation in _operations)
        {
            Attributed(operation.Origin, () => operation.Check(check));
        }

        var session = new Session(guest, system, _time, log, cancellation);
        foreach (var operation in _operations)
        {
            cancellation.ThrowIfCancellationRequested();
            if (operation is not RunInGuest && session.Commands.Any)
            {
                Attributed(null, () => session.Commands.Run(session));
            }

            session.Files.Current = operation.Origin;
            Attributed(operation.Origin, () => operation.Apply(session));
            if (operation is not RunInGuest)
            {
                log($"{operation.Origin} {operation.Describe()}");
            }
        }

        Attributed(null, () => session.Commands.Run(session));
        Attributed(null, () => session.Files.Flush(cancellation));
        if (_operations.Count > 0)
        {
            SelinuxLabels.MakeAtFirstBoot(guest, log);
        }
    }

    private static void ReadSource(
        CommandSource source, bool hasNetwork, List<Operation> operations, List<CustomizationInput> inputs, List<Mistake> mistakes, ref PasswordCrypto? crypto)
    {
        var nowhere = new CommandOrigin(source.Name, 1, "", source.IsInline);
        if (source.Text.Contains('\0', StringComparison.Ordinal))
        {
            mistakes.Add(new Mistake(nowhere, "the text has a zero byte in it", "check that it is a commands file"));
            return;
        }

        if (source.Text.Contains("\r\n", StringComparison.Ordinal))
        {
            mistakes.Add(new Mistake(nowhere, "the lines end in CR LF", "save the file with Unix line ends"));
            return;
        }

        if (source.IsInline && source.Text.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
        {
            mistakes.Add(new Mistake(nowhere, "a private key does not belong into inline commands", "put it into a Secret and upload its file"));
        }

        foreach (var line in CommandLine.Parse(source.Text))
        {
            // Only a name that is ours is repeated: what stands in a name's place may be a line of a secret.
            var known = CommandTable.Commands.GetValueOrDefault(line.Name);
            var isFlag = line.Name == CommandTable.PasswordCryptoFlag;
            var isElsewhere = CommandTable.Elsewhere.ContainsKey(line.Name);
            var origin = new CommandOrigin(source.Name, line.Line, known is not null || isFlag || isElsewhere ? line.Name : "", source.IsInline);
            try
            {
                if (isFlag)
                {
                    crypto = CommandTable.ReadCrypto(line.Argument ?? "");
                }
                else if (known is not null)
                {
                    var local = new LocalFiles(source.Content);
                    operations.Add(ReadCommand(known, line, origin, local, hasNetwork));
                    inputs.Add(CustomizationInput.Of(line.Name, line.Argument, local.Named));
                }
                else
                {
                    throw Unknown(line.Name);
                }
            }
            catch (MistakeException mistake)
            {
                mistakes.Add(new Mistake(origin, mistake.Message, mistake.Next));
            }
        }
    }

    private static Operation ReadCommand(Command command, CommandLine line, CommandOrigin origin, LocalFiles local, bool hasNetwork)
    {
        if (command.Form is null && !string.IsNullOrWhiteSpace(line.Argument))
        {
            throw new MistakeException("the command takes no argument", $"write {command.Name} alone");
        }

        if (command.Form is not null && string.IsNullOrWhiteSpace(line.Argument))
        {
            throw new MistakeException("the argument is missing", $"write it as {command.Name} {command.Form}");
        }

        var operation = command.Read(new CommandContext(origin, line.Argument ?? "", local));
        return operation.NeedsNetwork && !hasNetwork
            ? throw new MistakeException("packages come over the network, and it is off", "set --network=true, or use firstboot-install")
            : operation;
    }

    private static MistakeException Unknown(string name)
    {
        if (CommandTable.Elsewhere.TryGetValue(name, out var instead))
        {
            return new MistakeException("this command of virt-customize is not supported", instead);
        }

        if (name.StartsWith("--", StringComparison.Ordinal) && CommandTable.Nearest(name[2..]) is { } option)
        {
            return new MistakeException("the command is not known", $"write {option} without dashes in front");
        }

        return CommandTable.Nearest(name) is { } nearest
            ? new MistakeException("the command is not known", $"did you mean {nearest}?")
            : new MistakeException("the command is not known", "check for a missing '\\' at the end of the line before; docs/customization.md lists the commands");
    }

    private bool IsCommand(string subject) => _operations.Any(operation => operation.Origin.ToString() == subject);

    // A fault names the command that it belongs to, and what to do next.
    private void Attributed(CommandOrigin? origin, Action action)
    {
        try
        {
            action();
        }
        catch (GuestException fault) when (origin is not null && !IsCommand(fault.Subject) && fault.Fault is not (GuestFault.Access or GuestFault.Launch))
        {
            var next = fault.Next.Length > 0 ? fault.Next : "correct the command, or look at what the image has there";
            throw new GuestException(fault.Fault, origin.ToString(), $"{fault.Subject}: {fault.Cause}", next, fault);
        }
        catch (Exception fault) when (origin is not null && fault is IOException or UnauthorizedAccessException)
        {
            throw new GuestException(
                GuestFault.Input, origin!.ToString(), $"a local file can no longer be read: {fault.Message}", "keep local files as they are while the step runs", fault);
        }
    }
}
