using Lab;
using Lab.ApiServers;

namespace LocalCluster.Tests.Pods;

/// <summary>The executable beside an API server that is somebody else's.</summary>
public sealed class BesideTests
{
    [SkippableFact]
    public async Task It_works_beside_another_API_server()
    {
        Skip.IfNot(ApiServerAssets.Kinds.Contains(ApiServerKind.Kube120), "the other server has no built-in kinds");
        using var server = await ApiServerFixture.StartOwnAsync(ApiServerKind.Kube120);
        using var scratch = new Scratch();
        File.SetUnixFileMode(scratch.File("steps/shell/shell", "#!/bin/sh\nexec /bin/sh -c \"$1\"\n"), (UnixFileMode)0x1ed);
        var program = Path.Combine(AppContext.BaseDirectory, "local-cluster");
        string[] options = [$"--state={scratch["state"]}", $"--steps={scratch["steps"]}", $"--api-server={server.Url}", $"--kubeconfig={server.Kubeconfig()}"];
        try
        {
            var up = Tool.Try(program, ["up", .. options]);
            Assert.True(up.ExitCode == 0, up.All + File.ReadAllText(scratch["state/log"]));
            Assert.Contains(server.Url, up.Output);
            var kubectl = new Kubectl(server.Kubeconfig());
            kubectl.Run("create", "namespace", "space");
            await DataVolumeTests.Eventually(() => kubectl.Try("get", "serviceaccount", "default", "-n", "space").ExitCode == 0);
            kubectl.Apply("""
                apiVersion: v1
                kind: Pod
                metadata: { name: one, namespace: space }
                spec:
                  nodeName: local-cluster
                  restartPolicy: Never
                  containers: [{ name: one, image: golden-image-tasks/steps:main, command: [/app/steps/shell/shell], args: ["test -s /var/run/secrets/kubernetes.io/serviceaccount/token"] }]
                """);
            kubectl.Run("wait", "pod/one", "-n", "space", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=30s");
            Assert.Contains("local (default)", kubectl.Run("get", "storageclass"));
        }
        finally
        {
            Tool.Run(program, "down", options[0]);
        }
    }
}
