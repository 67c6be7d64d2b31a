using Guests.Engine;

namespace Guests;

/// <summary>
/// Labels of SELinux. Files that are made from outside have none, and the appliance has no setfiles: the guest labels all of
/// its files when it boots.
/// </summary>
internal static class SelinuxLabels
{
    private const string Configuration = "/etc/selinux/config", Wish = "/.autorelabel";

    /// <summary>Asks the guest for it, where SELinux is on (selinux(8): unless the configuration says disabled). Idempotent.</summary>
    public static void MakeAtFirstBoot(IGuest guest, Action<string> log)
    {
        const int enough = 65536;
        if (guest.StatTarget(Configuration) is not { Kind: GuestFileKind.File }
            || guest.Stat(Wish) is not null
            || GuestText.Decode(guest.ReadStart(Configuration, enough)).Split('\n').Select(line => line.Trim())
                .LastOrDefault(line => line.StartsWith("SELINUX=", StringComparison.Ordinal)) is not { } mode
            || mode == "SELINUX=disabled")
        {
            return;
        }

        guest.Write(Wish, default);
        log($"SELinux: the first boot labels all files ({Wish}) and restarts once");
    }
}
