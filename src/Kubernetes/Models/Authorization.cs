namespace Kubernetes.Models;

/// <summary>Asks whether somebody may do something (authorization.k8s.io/v1).</summary>
public sealed class SubjectAccessReview : KubernetesObject
{
    /// <summary>Who and what.</summary>
    public SubjectAccessReviewSpec Spec { get; set; } = new();

    /// <summary>The answer.</summary>
    public SubjectAccessReviewStatus? Status { get; set; }
}

/// <summary>Asks whether the caller may do something.</summary>
public sealed class SelfSubjectAccessReview : KubernetesObject
{
    /// <summary>What.</summary>
    public SubjectAccessReviewSpec Spec { get; set; } = new();

    /// <summary>The answer.</summary>
    public SubjectAccessReviewStatus? Status { get; set; }
}

/// <summary>Who and what.</summary>
public sealed class SubjectAccessReviewSpec : OpenObject
{
    /// <summary>The user; not in a review of oneself.</summary>
    public string? User { get; set; }

    /// <summary>The user's groups.</summary>
    public List<string>? Groups { get; set; }

    /// <summary>The user's uid.</summary>
    public string? Uid { get; set; }

    /// <summary>What.</summary>
    public ResourceAttributes? ResourceAttributes { get; set; }
}

/// <summary>What somebody wants to do.</summary>
public sealed class ResourceAttributes : OpenObject
{
    /// <summary>In which namespace.</summary>
    public string? Namespace { get; set; }

    /// <summary>As in <c>create</c>.</summary>
    public string? Verb { get; set; }

    /// <summary>The group.</summary>
    public string? Group { get; set; }

    /// <summary>The resource.</summary>
    public string? Resource { get; set; }

    /// <summary>The subresource.</summary>
    public string? Subresource { get; set; }

    /// <summary>The object; every one without it.</summary>
    public string? Name { get; set; }
}

/// <summary>The answer of a review.</summary>
public sealed class SubjectAccessReviewStatus : OpenObject
{
    /// <summary>Whether it is allowed.</summary>
    public bool Allowed { get; set; }

    /// <summary>Why.</summary>
    public string? Reason { get; set; }
}
