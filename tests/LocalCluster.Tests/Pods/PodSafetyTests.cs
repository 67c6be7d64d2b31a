using Lab;
using Lab.ApiServers;

namespace LocalCluster.Tests.Pods;

public sealed class PodSafetyTests
{
    [SkippableFact]
    public async Task A_container_sees_nothing_of_the_machine_but_what_it_needs()
    {
        await using var bench = await PodBench.StartAsync(ApiServerAssets.Kinds[^1]);
        Environment.SetEnvironmentVariable("LAB_SECRET", "of the test");
        var output = await bench.ShellAsync(
            "looks",
            """
            id -u; id -g; id -G; env | sort; grep -E 'NoNewPrivs|CapEff|CapPrm|CapInh' /proc/self/status; ls /etc /home /root /work /var 2>&1 | tr '\n' ' '; ls -d /proc/[0-9]* | wc -l
            echo x >/new; echo x >/app/steps/shell/shell; echo x >/etc/hosts; echo x >/usr/x; echo x >/tmp/mine; echo x >/var/tmp/mine; cat /tmp/mine; pwd; ls /proc/self/fd | wc -l; cat /etc/shadow; id -un; head -c 11 /etc/ssl/certs/ca-certificates.crt; cat /etc/resolv.conf >/dev/null && echo resolves
            """,
            more: "env: [{ name: A, value: one }, { name: B, value: '$(A)-$(KUBERNETES_SERVICE_HOST) $(NONE)' }]");
        Assert.StartsWith("107\n107\n107\nA=one\nB=one-127.0.0.1 $(NONE)\n", output);
        Assert.Contains("HOME=/tmp\n", output);
        Assert.DoesNotContain("LAB_SECRET", output);
        Assert.Equal(3, output.Split("\t0000000000000000").Length - 1);
        Assert.Contains("NoNewPrivs:\t1", output);
        Assert.True(output.Contains("/etc/shadow: No such file"), output);
        Assert.Contains("'/work': No such file", output);
        foreach (var path in (string[])["/new", "/app/steps/shell/shell", "/etc/hosts", "/usr/x"])
        {
            Assert.Matches($"{path}: (Read-only file system|Permission denied)", output);
        }

        // Its temporary folder, the folder that it starts in, and no descriptors but its own three and the listing's.
        Assert.True(output.Contains("\nx\n/\n4\n"), output);
        Assert.EndsWith("qemu\n-----BEGIN resolves\n".Replace(" ", ""), output.Replace(" ", ""));
    }

    [SkippableFact]
    public async Task Hostile_pods_lead_nowhere()
    {
        await using var bench = await PodBench.StartAsync(ApiServerAssets.Kinds[^1]);
        var outside = bench.Scratch.File("outside/secret", "not for pods");
        bench.Create("apiVersion: v1\nkind: ConfigMap\nmetadata: { name: map }\ndata: { a: text }");
        const string Empty = "[{ name: v, emptyDir: {} }, { name: w, emptyDir: {} }]";
        (string Name, string Expected, string Volumes, string Mounts, string More)[] pods =
        [
            ("over-app", "nothing can be mounted at /app/steps", Empty, "[{ name: v, mountPath: /app/steps }]", ""),
            ("over-usr", "nothing can be mounted at /usr/bin", Empty, "[{ name: v, mountPath: /usr/bin/ }]", ""),
            ("dots", "give an absolute one without ..", Empty, "[{ name: v, mountPath: /a/../../b }]", ""),
            ("relative", "give an absolute one without ..", Empty, "[{ name: v, mountPath: a }]", ""),
            ("root", "give an absolute one without ..", Empty, "[{ name: v, mountPath: / }]", ""),
            ("nested", "lies in another volume", Empty, "[{ name: v, mountPath: /a }, { name: w, mountPath: /a/b }]", ""),
            ("sub-dots", "leads out of volume v", Empty, "[{ name: v, mountPath: /a, subPath: x/../../y }]", ""),
            ("sub-none", "has no x", Empty, "[{ name: v, mountPath: /a, subPath: x }]", ""),
            ("no-volume", "the pod has no volume x", Empty, "[{ name: x, mountPath: /a }]", ""),
            ("host-path", "is of a kind that this node does not have", "[{ name: v, hostPath: { path: / } }]", "[{ name: v, mountPath: /a }]", ""),
            ("item-dots", "can't be a file's path", "[{ name: v, configMap: { name: map, items: [{ key: a, path: x/../../b }] } }]", "[{ name: v, mountPath: /a }]", ""),
            ("zero-byte", "zero byte", Empty, "[]", "env: [{ name: A, value: \"x\\0--bind\\0/\\0/tmp\" }]"),
            ("value-from", "valueFrom", Empty, "[]", "env: [{ name: A, valueFrom: { fieldRef: { fieldPath: metadata.name } } }]"),
        ];
        foreach (var (name, _, volumes, mounts, more) in pods)
        {
            try
            {
                bench.CreateShell(name, "cat /*/secret; true", volumes, mounts, more);
            }
            catch (InvalidOperationException)
            {
                // The server itself refuses some of them.
            }
        }

        foreach (var (name, expected, _, _, _) in pods)
        {
            if (!bench.Kubectl.Try("get", "pod", name).Error.Contains("NotFound"))
            {
                var pod = await bench.FinishedAsync(name);
                Assert.Equal("Failed", pod.Status!.Phase);
                Assert.True($"{pod.Status.Message} {PodBench.Ended(pod).Message}".Contains(expected), $"{name}: {PodBench.Show(pod)}");
            }
        }

        // A link in a volume leads to the container's own files at most.
        var claim = Directory.CreateDirectory(bench.Scratch["claims/linked"]).FullName;
        bench.Disks["linked"] = Path.Combine(claim, "disk.img");
        File.CreateSymbolicLink(Path.Combine(claim, "away"), Path.GetDirectoryName(outside)!);
        File.CreateSymbolicLink(Path.Combine(claim, "up"), "../../outside");
        bench.Create("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: linked }\nspec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Mi } } }");
        await bench.Client.ChangeAsync(Kubernetes.Kinds.PersistentVolumeClaims, bench.Space, "linked", found => (found.Status = new() { Phase = "Bound" }) is not null, PodBench.Limit(), "status");
        foreach (var link in (string[])["away", "up"])
        {
            bench.CreateShell($"link-{link}", "cat /a/secret", "[{ name: v, persistentVolumeClaim: { claimName: linked } }]", $"[{{ name: v, mountPath: /a, subPath: {link} }}]");
            var pod = await bench.FinishedAsync($"link-{link}");
            Assert.Contains("has no", PodBench.Ended(pod).Message);
        }
    }

    [SkippableTheory]
    [InlineData("docker.io/library/busybox", "/app/steps/shell/shell", "is none of this product's")]
    [InlineData("golden-image-tasks/other:main", "/app/steps/shell/shell", "is none of this product's")]
    [InlineData("golden-image-tasks/steps:main", "/bin/sh", "is no step")]
    [InlineData("golden-image-tasks/steps:main", "/app/steps/../../bin/sh", "is no step")]
    [InlineData("golden-image-tasks/steps:main", "/app/steps/none/none", "one of dummy-step, shell")]
    public async Task Only_our_own_executables_run(string image, string command, string expected)
    {
        await using var bench = await PodBench.StartAsync(ApiServerAssets.Kinds[^1]);
        bench.Create($"""
            apiVersion: v1
            kind: Pod
            metadata: {"{"} name: other {"}"}
            spec:
              nodeName: local-cluster
              restartPolicy: Never
              automountServiceAccountToken: false
              containers: [{"{"} name: one, image: "{image}", command: ["{command}"] {"}"}]
            """);
        var pod = await bench.FinishedAsync("other");
        Assert.Equal("Failed", pod.Status!.Phase);
        Assert.Contains(expected, pod.Status.Message);
        Assert.Equal(128, PodBench.Ended(pod).ExitCode);
    }
}
