namespace Guests;

/// <summary>What customizing and sealing do to a guest, as a number.</summary>
public static class GuestBehaviour
{
    /// <summary>
    /// Part of every build key. Raise it by hand, by one, in the commit that changes what a given customization or sealing
    /// leaves in a guest: every golden image is then built anew. A change that guests cannot tell leaves it as it is.
    /// </summary>
    public const int Number = 1;
}
