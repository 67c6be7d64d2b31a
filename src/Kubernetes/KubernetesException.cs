using Kubernetes.Models;

namespace Kubernetes;

/// <summary>What kind of failure it is.</summary>
public enum KubernetesFault
{
    /// <summary>The kubeconfig or a request makes no sense: 400, 422, or found here.</summary>
    Usage,

    /// <summary>Not allowed, or not known: 401, 403.</summary>
    Denied,

    /// <summary>The object, or the whole kind, is not there: 404.</summary>
    NotFound,

    /// <summary>An object of that name is there already: 409 AlreadyExists.</summary>
    AlreadyExists,

    /// <summary>Somebody changed the object in between: 409 Conflict.</summary>
    Conflict,

    /// <summary>What was asked for is past, such as a version: 410.</summary>
    Gone,

    /// <summary>It may pass, and has outlived the repetitions: 429, 5xx, a connection that breaks.</summary>
    Transient,

    /// <summary>Nobody answers at the address.</summary>
    Unreachable,

    /// <summary>The answer is none of an API server.</summary>
    Protocol,
}

/// <summary>A request to the API server failed.</summary>
/// <param name="kind">What kind of failure it is.</param>
/// <param name="subject">The object: <c>DataVolume private-sources/fedora</c>, or the server.</param>
/// <param name="cause">Why, for a user.</param>
/// <param name="next">What to do; empty when the cause says it.</param>
/// <param name="inner">The fault below.</param>
public sealed class KubernetesException(KubernetesFault kind, string subject, string cause, string next = "", Exception? inner = null)
    : Exception(string.IsNullOrEmpty(next) ? $"{subject}: {cause}" : $"{subject}: {cause}; {next}", inner)
{
    /// <summary>What kind of failure it is.</summary>
    public KubernetesFault Kind { get; } = kind;

    /// <summary>The object.</summary>
    public string Subject { get; } = subject;

    /// <summary>Why.</summary>
    public string Cause { get; } = cause;

    /// <summary>What to do.</summary>
    public string Next { get; } = next;

    /// <summary>The server's own words, where it had some.</summary>
    public Status? Status { get; init; }

    /// <summary>Whether it is not the object that is missing, but its kind: the cluster does not serve it.</summary>
    public bool KindUnknown { get; init; }

    /// <summary>Whether the answer was larger than it may be: a shorter page may do.</summary>
    internal bool TooLarge { get; init; }
}
