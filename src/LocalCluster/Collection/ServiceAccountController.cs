using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using LocalCluster.Controllers;

namespace LocalCluster.Collection;

/// <summary>Every namespace has a ServiceAccount <c>default</c> (Kubernetes docs, "Configure Service Accounts for Pods").</summary>
internal sealed class ServiceAccountController : Controller
{
    private const string Name = "default";
    private readonly KubernetesClient _client;
    private readonly ObjectCache<Namespace> _namespaces;
    private readonly ObjectCache<ServiceAccount> _accounts;

    internal ServiceAccountController(KubernetesClient client, ObjectCache<Namespace> namespaces, ObjectCache<ServiceAccount> accounts, Action<string> log)
        : base(client.Time, TimeSpan.FromMilliseconds(250), TimeSpan.FromMinutes(1), log)
    {
        (_client, _namespaces, _accounts) = (client, namespaces, accounts);
        namespaces.Changed += (_, after) => Wanted(after?.Metadata.Name);
        accounts.Changed += (before, after) => Wanted(after is null && before!.Metadata.Name == Name ? before.Metadata.Namespace : null);
    }

    protected override async Task<Outcome> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (_namespaces.Find(null, key.Name) is not { Metadata.DeletionTimestamp: null } || !_accounts.IsServed || _accounts.Find(key.Name, Name) is not null)
        {
            return Outcome.Done;
        }

        try
        {
            await _client.CreateAsync(Kinds.ServiceAccounts, new() { Metadata = { Name = Name, Namespace = key.Name } }, cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.AlreadyExists)
        {
            // The cache was behind.
        }

        return Outcome.Done;
    }

    private void Wanted(string? inNamespace)
    {
        if (inNamespace is not null)
        {
            Enqueue(new ObjectKey("", inNamespace));
        }
    }
}
