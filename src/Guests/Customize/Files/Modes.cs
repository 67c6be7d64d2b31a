namespace Guests.Customize.Files;

/// <summary>Permission bits by name; C# has no octal numbers.</summary>
static class Modes
{
    /// <summary>0755</summary>
    public const int Directory = 0x1ED;

    /// <summary>0644</summary>
    public const int File = 0x1A4;

    /// <summary>0755</summary>
    public const int Program = 0x1ED;

    /// <summary>0700</summary>
    public const int PrivateDirectory = 0x1C0;

    /// <summary>0600</summary>
    public const int PrivateFile = 0x180;

    /// <summary>0777, as every link has it</summary>
    public const int Link = 0x1FF;
}
