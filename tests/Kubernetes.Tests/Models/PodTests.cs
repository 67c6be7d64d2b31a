using System.Text.Json;
using Kubernetes.Models;

namespace Kubernetes.Tests.Models;

public sealed class PodTests
{
    /// <summary>The object of a BOOKMARK, as kube-apiserver 1.20 fills it.</summary>
    [Fact]
    public void A_bookmarks_pod_without_containers_is_read()
    {
        const string bookmark = """{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"12746","creationTimestamp":null},"spec":{"containers":null},"status":{}}""";
        var pod = JsonSerializer.Deserialize<Pod>(bookmark, KubernetesJson.Default.Options)!;
        Assert.Empty(pod.Spec.Containers);
        Assert.Equal("12746", pod.Metadata.ResourceVersion);
    }
}
