using Guests.Customize.Language;
using Guests.Engine;

namespace Guests.Customize.Files;

/// <summary>A file, directory or link that waits for the next tar.</summary>
sealed class StagedFile
{
    /// <summary>Its real path in the guest: no parent is a link.</summary>
    public required string Path { get; init; }

    /// <summary>What it is.</summary>
    public required GuestFileKind Kind { get; init; }

    /// <summary>Permission bits.</summary>
    public int Mode { get; set; }

    /// <summary>Owner.</summary>
    public int Uid { get; set; }

    /// <summary>Group.</summary>
    public int Gid { get; set; }

    /// <summary>A small file's content.</summary>
    public byte[]? Content { get; init; }

    /// <summary>A local file that is streamed.</summary>
    public string? LocalPath { get; init; }

    /// <summary>A link's target.</summary>
    public string? Target { get; init; }

    /// <summary>When it was last changed; null for now.</summary>
    public DateTimeOffset? Modified { get; init; }

    /// <summary>The command that it comes from.</summary>
    public CommandOrigin? Origin { get; set; }

    /// <summary>As the guest will see it.</summary>
    public GuestFile Look() => new(Kind, Mode, Uid, Gid, Content?.Length ?? Target?.Length ?? 0);
}
