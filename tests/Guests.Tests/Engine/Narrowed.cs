using System.Reflection;
using Guests.Engine;

namespace Guests.Tests.Engine;

/// <summary>A guest of whose partitions only some are shown: one launch serves tests of several disks.</summary>
public class Narrowed : DispatchProxy
{
    private IGuest _guest = null!;
    private IReadOnlyList<string> _partitions = [];

    public static IGuest To(IGuest guest, params string[] partitions)
    {
        var proxy = Create<IGuest, Narrowed>();
        ((Narrowed)(object)proxy)._guest = guest;
        ((Narrowed)(object)proxy)._partitions = partitions;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name == nameof(IGuest.Partitions))
        {
            return _partitions;
        }

        try
        {
            return targetMethod.Invoke(_guest, args);
        }
        catch (TargetInvocationException fault)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault.InnerException!);
            throw;
        }
    }
}
