using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kubernetes.Models;

namespace LocalCluster.Api.Schemas;

/// <summary>What must hold besides types, worded as Kubernetes does (apimachinery, util/validation; api/validation).</summary>
internal static partial class Rules
{
    private const string LabelWords =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character " +
        "(e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

    private const string SubdomainWords =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character " +
        "(e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    private const string ValueWords =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
        "(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

    private const string QualifiedWords =
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
        "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

    private const string KeyWords =
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

    /// <summary>Of a match, in milliseconds; lengths are checked before.</summary>
    private const int Limit = 1000;

    /// <summary>All annotations of an object together, in bytes.</summary>
    private const int MostAnnotations = 256 << 10;

    /// <summary>What is wrong with an object whose types are right.</summary>
    internal static void Check(ApiResource resource, JsonObject item, List<StatusCause> faults)
    {
        var metadata = item["metadata"] as JsonObject ?? [];
        if (resource.Stored)
        {
            Named(resource, metadata, faults);
        }

        foreach (var (key, value) in Map(metadata, "labels"))
        {
            Qualified("metadata.labels", key, faults);
            var text = (string?)value ?? "";
            if (text.Length > 63)
            {
                faults.Add(Validation.Invalid("metadata.labels", text, "must be no more than 63 characters"));
            }
            else if (!ValueForm().IsMatch(text))
            {
                faults.Add(Validation.Invalid("metadata.labels", text, ValueWords));
            }
        }

        var size = 0;
        foreach (var (key, value) in Map(metadata, "annotations"))
        {
            Qualified("metadata.annotations", key.ToLowerInvariant(), faults);
            size += key.Length + ((string?)value ?? "").Length;
        }

        if (size > MostAnnotations)
        {
            faults.Add(new() { Field = "metadata.annotations", Reason = "FieldValueTooLong", Message = $"Too long: must have at most {MostAnnotations} bytes" });
        }

        foreach (var finalizer in List(metadata, "finalizers"))
        {
            Qualified("metadata.finalizers", (string?)finalizer ?? "", faults);
        }

        foreach (var key in Map(item, "data").Concat(Map(item, "binaryData")).Select(one => one.Key).Where(key => !KeyForm().IsMatch(key) || key is "." or ".."))
        {
            faults.Add(Validation.Invalid($"data[{key}]", key, KeyWords));
        }

        OfKind(resource.Kind, item, metadata, faults);
    }

    private static void OfKind(string kind, JsonObject item, JsonObject metadata, List<StatusCause> faults)
    {
        var spec = item["spec"] as JsonObject ?? [];
        switch (kind)
        {
            case "PersistentVolumeClaim":
                if (List(spec, "accessModes").Count == 0)
                {
                    faults.Add(Validation.Missing("spec.accessModes", "at least 1 access mode is required"));
                }

                foreach (var mode in List(spec, "accessModes").Where(one => (string?)one is not ("ReadOnlyMany" or "ReadWriteMany" or "ReadWriteOnce" or "ReadWriteOncePod")))
                {
                    faults.Add(new() { Field = "spec.accessModes", Reason = "FieldValueNotSupported", Message = $"Unsupported value: \"{mode}\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"" });
                }

                if (spec["resources"]?["requests"]?["storage"] is not { } storage)
                {
                    faults.Add(Validation.Missing("spec.resources[storage]"));
                }
                else if (Quantity.Parse(storage.ToString()) <= default(Quantity))
                {
                    faults.Add(Validation.Invalid("spec.resources[storage]", storage.ToString(), "must be greater than zero"));
                }

                break;
            case "Pod":
                if (List(spec, "containers").Count == 0)
                {
                    faults.Add(Validation.Missing("spec.containers"));
                }

                break;
            case "Role" or "ClusterRole":
                for (var at = 0; at < List(item, "rules").Count; at++)
                {
                    Rule(item["rules"]![at]!.AsObject(), $"rules[{at}]", faults);
                }

                break;
            case "RoleBinding" or "ClusterRoleBinding":
                for (var at = 0; at < List(item, "subjects").Count; at++)
                {
                    var subject = item["subjects"]![at]!;
                    if (kind == "ClusterRoleBinding" && (string?)subject["kind"] == "ServiceAccount" && string.IsNullOrEmpty((string?)subject["namespace"]))
                    {
                        faults.Add(Validation.Missing($"subjects[{at}].namespace"));
                    }
                }

                break;
            case "Event" when (string?)Map(item, "involvedObject")["namespace"] is { Length: > 0 } about && about != (string?)metadata["namespace"]:
                faults.Add(Validation.Invalid("involvedObject.namespace", about, "does not match event.namespace"));
                break;
        }
    }

    private static void Rule(JsonObject rule, string path, List<StatusCause> faults)
    {
        if (List(rule, "verbs").Count == 0)
        {
            faults.Add(Validation.Missing($"{path}.verbs", "verbs must contain at least one value"));
        }

        if (List(rule, "nonResourceURLs").Count > 0)
        {
            return;
        }

        if (List(rule, "apiGroups").Count == 0)
        {
            faults.Add(Validation.Missing($"{path}.apiGroups", "resource rules must supply at least one api group"));
        }

        if (List(rule, "resources").Count == 0)
        {
            faults.Add(Validation.Missing($"{path}.resources", "resource rules must supply at least one resource"));
        }
    }

    private static void Named(ApiResource resource, JsonObject metadata, List<StatusCause> faults)
    {
        if ((string?)metadata["name"] is not { Length: > 0 } name)
        {
            faults.Add(Validation.Missing("metadata.name", "name or generateName is required"));
            return;
        }

        if (resource.Names == NameRule.PathSegment)
        {
            if (name is "." or "..")
            {
                faults.Add(Validation.Invalid("metadata.name", name, $"may not be '{name}'"));
            }

            foreach (var letter in "/%".Where(name.Contains))
            {
                faults.Add(Validation.Invalid("metadata.name", name, $"may not contain '{letter}'"));
            }

            return;
        }

        var (most, form, words) = resource.Names == NameRule.Label ? (63, LabelForm(), LabelWords) : (253, SubdomainForm(), SubdomainWords);
        if (name.Length > most)
        {
            faults.Add(Validation.Invalid("metadata.name", name, $"must be no more than {most} characters"));
        }
        else if (!form.IsMatch(name))
        {
            faults.Add(Validation.Invalid("metadata.name", name, words));
        }
    }

    /// <summary>A key of labels or annotations: a name, before it perhaps a domain and a slash.</summary>
    private static void Qualified(string path, string key, List<StatusCause> faults)
    {
        var parts = key.Split('/');
        if (parts.Length > 2)
        {
            faults.Add(Validation.Invalid(path, key, "a qualified name " + QualifiedWords["name part ".Length..] + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"));
            return;
        }

        if (parts.Length == 2 && (parts[0].Length is 0 or > 253 || !SubdomainForm().IsMatch(parts[0])))
        {
            faults.Add(Validation.Invalid(path, key, parts[0].Length == 0 ? "prefix part must be non-empty" : "prefix part " + SubdomainWords));
        }

        if (parts[^1].Length == 0)
        {
            faults.Add(Validation.Invalid(path, key, "name part must be non-empty"));
        }
        else if (parts[^1].Length > 63)
        {
            faults.Add(Validation.Invalid(path, key, "name part must be no more than 63 characters"));
        }
        else if (!QualifiedForm().IsMatch(parts[^1]))
        {
            faults.Add(Validation.Invalid(path, key, QualifiedWords));
        }
    }

    private static JsonArray List(JsonObject of, string name) => of[name] as JsonArray ?? [];

    private static JsonObject Map(JsonObject of, string name) => of[name] as JsonObject ?? [];

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\z", RegexOptions.ExplicitCapture, Limit)]
    private static partial Regex LabelForm();

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z", RegexOptions.ExplicitCapture, Limit)]
    private static partial Regex SubdomainForm();

    [GeneratedRegex(@"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\z", RegexOptions.ExplicitCapture, Limit)]
    private static partial Regex ValueForm();

    [GeneratedRegex(@"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\z", RegexOptions.ExplicitCapture, Limit)]
    private static partial Regex QualifiedForm();

    [GeneratedRegex(@"^[-._a-zA-Z0-9]{1,253}\z", RegexOptions.ExplicitCapture, Limit)]
    private static partial Regex KeyForm();
}
