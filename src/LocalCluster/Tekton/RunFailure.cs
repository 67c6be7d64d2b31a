using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace LocalCluster.Tekton;

/// <summary>A run has failed for good.</summary>
/// <param name="reason">Why, as one word of Tekton's.</param>
/// <param name="message">Why, as a line.</param>
internal sealed class RunFailure(string reason, string message) : Exception(message)
{
    internal string Reason => reason;

    /// <summary>Reads a part of an object whose schema the server does not hold it to.</summary>
    internal static T Read<T>(JsonElement element, JsonTypeInfo<T> json, string reason, string what)
    {
        try
        {
            return element.Deserialize(json) ?? throw new RunFailure(reason, $"{what} is empty");
        }
        catch (JsonException fault)
        {
            throw new RunFailure(reason, $"{what} makes no sense at {fault.Path}");
        }
    }

    /// <summary>What is not known here can't be done: said, never passed over.</summary>
    internal static void Refuse(Kubernetes.Models.OpenObject part, string reason, string what)
    {
        if (part.Unknown?.Keys.FirstOrDefault() is { } field)
        {
            throw new RunFailure(reason, $"{what}: the local cluster does not support the field \"{field}\"");
        }
    }
}
