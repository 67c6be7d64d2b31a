using Kubernetes;
using Lab;
using Lab.ApiServers;

namespace LocalCluster.Tests.Pods;

public sealed class PodVolumeTests
{
    public static TheoryData<ApiServerKind> Servers => ApiServerFixture.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task ConfigMaps_and_Secrets_are_laid_out_as_the_kubelet_does_it_and_waited_for(ApiServerKind kind)
    {
        await using var bench = await PodBench.StartAsync(kind);
        bench.CreateShell(
            "looks", "cd /in; readlink texts/a; cat texts/a texts/b; cat secrets/sub/key; stat -c '%a %u' secrets secrets/sub/key -L; stat -L -c '%a' texts/a; ls optional | wc -l; echo no >texts/a; echo no >secrets/new; echo >&2 done",
            "[{ name: texts, configMap: { name: texts } }, { name: secrets, secret: { secretName: secrets, items: [{ key: key, path: sub/key, mode: 256 }] } }, { name: optional, configMap: { name: none, optional: true } }]",
            "[{ name: texts, mountPath: /in/texts }, { name: secrets, mountPath: /in/secrets }, { name: optional, mountPath: /in/optional }]");
        var waits = await bench.UntilAsync("looks", pod => pod.Status?.ContainerStatuses?[0].State.Waiting?.Message is not null);
        Assert.Contains($"ConfigMap {bench.Space}/texts is not there", PodBench.Show(waits));
        if (kind != ApiServerKind.Extensions136)
        {
            await DataVolumeTests.Eventually(() => bench.Kubectl.Run("get", "events").Contains($"FailedMount"));
        }

        bench.Create($"apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: texts }}\ndata: {{ a: \"text\\n\" }}\nbinaryData: {{ b: {Convert.ToBase64String("bytes\n"u8)} }}");
        bench.Create($"apiVersion: v1\nkind: Secret\nmetadata: {{ name: secrets }}\ndata: {{ key: {Convert.ToBase64String("secret\n"u8)}, other: AAAA }}");
        var pod = await bench.FinishedAsync("looks");
        var output = bench.LogOf(pod, "one");
        Assert.StartsWith("..data/a\ntext\nbytes\nsecret\n700 107\n400 107\n644\n0\n", output);
        Assert.Equal(2, output.Split("Read-only file system").Length - 1);
        Assert.EndsWith("done\n", output);
    }

    [SkippableTheory]
    [MemberData(nameof(Servers))]
    public async Task Claims_are_folders_or_devices_of_the_pods_user(ApiServerKind kind)
    {
        await using var bench = await PodBench.StartAsync(kind);
        foreach (var (name, mode) in new[] { ("folder", "Filesystem"), ("device", "Block") })
        {
            var disk = bench.Scratch.File($"claims/{name}/disk.img", "content of the disk");
            Tool.Run("chown", "107:107", disk);
            Tool.Run("chmod", "0660", disk);
            bench.Disks[name] = disk;
            bench.Create($"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{ name: {name} }}\nspec: {{ volumeMode: {mode}, accessModes: [ReadWriteOnce], resources: {{ requests: {{ storage: 1Mi }} }} }}");
        }

        bench.CreateShell(
            "writes", "cat /disk/disk.img /dev/disk; printf New | dd of=/disk/disk.img conv=notrunc; printf New | dd of=/dev/disk conv=notrunc; echo x >/disk/other; echo x >/same/disk.img",
            "[{ name: a, persistentVolumeClaim: { claimName: folder } }, { name: b, persistentVolumeClaim: { claimName: device } }, { name: c, persistentVolumeClaim: { claimName: folder, readOnly: true } }]",
            "[{ name: a, mountPath: /disk }, { name: c, mountPath: /same }]", "volumeDevices: [{ name: b, devicePath: /dev/disk }]");
        await bench.UntilAsync("writes", pod => pod.Status?.ContainerStatuses?[0].State.Waiting?.Message?.Contains("not bound yet") == true);
        foreach (var name in bench.Disks.Keys)
        {
            await bench.Client.ChangeAsync(Kinds.PersistentVolumeClaims, bench.Space, name, found => (found.Status = new() { Phase = "Bound" }) is not null, PodBench.Limit(), "status");
        }

        var output = bench.LogOf(await bench.FinishedAsync("writes"), "one");
        Assert.StartsWith("content of the diskcontent of the disk", output);
        Assert.Contains("/disk/other: Permission denied", output);
        Assert.Contains("/same/disk.img: Read-only file system", output);
        Assert.All(bench.Disks.Values, disk => Assert.Equal("Newtent of the disk", File.ReadAllText(disk)));
    }

    [SkippableFact]
    public async Task A_step_asks_the_API_as_its_ServiceAccount()
    {
        Skip.IfNot(ApiServerAssets.Kinds.Contains(ApiServerKind.Kube120), "the other server gives no tokens");
        Skip.IfNot(File.Exists(Repository.Step("plan-build")), "the steps are not built: run make build");
        await using var bench = await PodBench.StartAsync(ApiServerKind.Kube120, Path.Combine(Repository.Artifacts, "steps"));
        bench.Create("apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: planner }");
        bench.Create($"""
            apiVersion: v1
            kind: Pod
            metadata: {"{"} name: plans {"}"}
            spec:
              nodeName: local-cluster
              restartPolicy: Never
              serviceAccountName: planner
              containers:
              - name: one
                image: golden-image-tasks/steps
                command: [/app/steps/plan-build/plan-build]
                args: [--source-kind=DataSource, --source-name=none, --data-source=mine, --target-namespace={bench.Space}]
            """);
        var pod = await bench.FinishedAsync("plans", 60);
        Assert.True(PodBench.Ended(pod).ExitCode == 3, PodBench.Show(pod) + bench.LogOf(pod, "one") + bench.Log);
        Assert.Contains($"system:serviceaccount:{bench.Space}:planner", bench.LogOf(pod, "one"));
    }
}
