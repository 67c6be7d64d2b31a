using System.Text.Json.Nodes;

namespace Tekton.Tests;

/// <summary>Kubernetes' Pod Security Standards, profile "restricted": what of it a pod of a Task can break.</summary>
internal static class PodSecurity
{
    private static readonly string[] VolumeTypes = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

    public static IEnumerable<string> Mistakes(JsonObject pod)
    {
        foreach (var container in pod.List("containers"))
        {
            var context = container["securityContext"];
            if ((bool?)context.At("runAsNonRoot") != true || context.At("runAsUser") is not null)
            {
                yield return "securityContext.runAsNonRoot is not true, or a user is set, which OpenShift refuses";
            }

            if ((bool?)context.At("allowPrivilegeEscalation") != false)
            {
                yield return "securityContext.allowPrivilegeEscalation is not false";
            }

            if (!context.Texts("capabilities/drop").Contains("ALL") || context.At("capabilities/add") is not null)
            {
                yield return "securityContext.capabilities does not drop ALL, or adds some";
            }

            if (context.Text("seccompProfile/type") is not ("RuntimeDefault" or "Localhost"))
            {
                yield return "securityContext.seccompProfile is not RuntimeDefault";
            }

            if ((bool?)context.At("privileged") == true)
            {
                yield return "securityContext.privileged is true";
            }
        }

        foreach (var volume in pod.List("volumes"))
        {
            foreach (var type in volume.Select(pair => pair.Key).Where(key => key != "name" && !VolumeTypes.Contains(key)))
            {
                yield return $"volume {volume.Text("name")} is a {type}";
            }
        }
    }
}
