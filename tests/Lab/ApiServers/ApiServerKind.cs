namespace Lab.ApiServers;

/// <summary>Which API server a test talks to.</summary>
public enum ApiServerKind
{
    /// <summary>kube-apiserver 1.20: built-in types with defaults and validation, TokenRequest; old rules for custom resources.</summary>
    Kube120,

    /// <summary>Kubernetes 1.36's libraries for custom resources: strict validation, CEL; built-in types are neither defaulted nor validated.</summary>
    Extensions136,

    /// <summary>Whatever <c>KUBEBUILDER_ASSETS</c> holds.</summary>
    Custom,
}
