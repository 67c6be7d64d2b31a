using Lab;
using Lab.ApiServers;

namespace LocalCluster.Tests.Pods;

public sealed class PodGuestTests
{
    [SkippableFact]
    [Trait("Suite", "Long")]
    public async Task A_guest_is_edited_in_the_sandbox()
    {
        Skip.IfNot(File.Exists(Repository.Step("customize-disk")) && Directory.Exists(Repository.Appliance), "the steps or the appliance are not built: run make build");
        await using var bench = await PodBench.StartAsync(ApiServerAssets.Kinds[^1], Path.Combine(Repository.Artifacts, "steps"), Repository.Appliance);
        var disk = new TinyGuest(bench.Scratch).Basics().Build(Path.Combine(Directory.CreateDirectory(bench.Scratch["claim"]).FullName, "disk.img"));
        Tool.Run("chown", "107:107", disk);
        Tool.Run("chmod", "0660", disk);
        bench.Disks["work"] = disk;
        bench.Create("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: work }\nspec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 64Mi } } }");
        await bench.Client.ChangeAsync(Kubernetes.Kinds.PersistentVolumeClaims, bench.Space, "work", found => (found.Status = new() { Phase = "Bound" }) is not null, PodBench.Limit(), "status");
        bench.Create("""
            apiVersion: v1
            kind: Pod
            metadata: { name: edits }
            spec:
              nodeName: local-cluster
              restartPolicy: Never
              automountServiceAccountToken: false
              volumes: [{ name: work, persistentVolumeClaim: { claimName: work } }, { name: tmp, emptyDir: {} }]
              containers:
              - name: one
                image: golden-image-tasks/guest-steps:main
                command: [/app/steps/customize-disk/customize-disk]
                args: [--disk=/volume, "--commands=hostname golden", --seal=false]
                securityContext: { readOnlyRootFilesystem: true }
                volumeMounts: [{ name: work, mountPath: /volume }, { name: tmp, mountPath: /tmp }]
            """);
        var pod = await bench.FinishedAsync("edits", 240);
        Assert.True(pod.Status!.Phase == "Succeeded", $"{PodBench.Show(pod)}\n{bench.LogOf(pod, "one")}\n{bench.Log}");
        Assert.Equal("golden\n", Tool.Run("debugfs", "-R", "cat /etc/hostname", disk).Output);
        Assert.Contains("accelerator:", bench.LogOf(pod, "one"));
        Figures.Say(string.Join(" | ", bench.LogOf(pod, "one").Split('\n').Where(line => line.Contains("accelerator") || line.Contains("started in"))));
    }
}
