using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kubernetes;
using Kubernetes.Client;
using Kubernetes.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace LocalCluster.Cdi.Admission;

/// <summary>
/// CDI's admission webhook: only here is it known who asks for a DataVolume. HTTPS on loopback with a certificate authority of its own,
/// registered with the server while it runs (failurePolicy Fail, as CDI's: killed, it leaves the server refusing DataVolumes until it is back).
/// </summary>
internal sealed class AdmissionWebhook(KubernetesClient client, Func<string?, bool> inScope, string suffix, Action<string> log)
{
    private const string Validate = "datavolume-validate.cdi.kubevirt.io";
    private const string Mutate = "datavolume-mutate.cdi.kubevirt.io";
    private readonly DataVolumeReview _review = new(client);

    /// <summary>Serves until cancelled.</summary>
    /// <param name="ready">Called when it is registered, or can't be.</param>
    /// <param name="asked">Called when the server asks whether a DataVolume may be made: some take the registration and never ask.</param>
    /// <param name="cancellation">Stops.</param>
    internal async Task RunAsync(Action ready, Action asked, CancellationToken cancellation)
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (from, to) = (client.Time.GetUtcNow().AddHours(-1), client.Time.GetUtcNow().AddYears(1));
        using var authority = Authority(authorityKey, from, to);
        using var certificate = Certificate(authority, key, from, to);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        await using var web = builder.Build();
        web.Run(context => AnswerAsync(context, asked));
        await web.StartAsync(cancellation);
        var authorities = Convert.ToBase64String(Encoding.ASCII.GetBytes(authority.ExportCertificatePem()));
        try
        {
            await RegisterAsync("mutatingwebhookconfigurations", "MutatingWebhookConfiguration", Mutate, ["CREATE"], $"{web.Urls.First()}/mutate", authorities, cancellation);
            await RegisterAsync("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", Validate, ["CREATE", "UPDATE"], $"{web.Urls.First()}/validate", authorities, cancellation);
            ready();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.NotFound)
        {
            log("this server calls no admission webhooks: who may clone is not checked");
            ready();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
        }
        finally
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            await UnregisterAsync("mutatingwebhookconfigurations", "MutatingWebhookConfiguration", Mutate, authorities, limit.Token);
            await UnregisterAsync("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", Validate, authorities, limit.Token);
            await web.StopAsync(limit.Token);
        }
    }

    private static ResourceKind<AnyObject> KindOf(string plural, string kind) => Kinds.Any("admissionregistration.k8s.io", "v1", plural, kind, false);

    private async Task RegisterAsync(
        string plural, string kind, string name, string[] operations, string url, string authorities, CancellationToken cancellation)
    {
        var hook = new JsonObject
        {
            ["name"] = name,
            ["admissionReviewVersions"] = new JsonArray("v1"),
            ["sideEffects"] = "None",
            ["failurePolicy"] = "Fail",
            ["timeoutSeconds"] = 30,
            ["clientConfig"] = new JsonObject { ["url"] = url, ["caBundle"] = authorities },
            ["rules"] = new JsonArray(new JsonObject
            {
                ["apiGroups"] = new JsonArray("cdi.kubevirt.io"),
                ["apiVersions"] = new JsonArray("v1beta1"),
                ["resources"] = new JsonArray("datavolumes"),
                ["operations"] = new JsonArray([.. operations.Select(one => JsonValue.Create(one))]),
            }),
        };
        using var hooks = JsonDocument.Parse(new JsonArray(hook).ToJsonString());
        var made = new AnyObject { Metadata = { Name = name + suffix }, Unknown = new() { ["webhooks"] = hooks.RootElement.Clone() } };
        try
        {
            await client.CreateAsync(KindOf(plural, kind), made, cancellation);
        }
        catch (KubernetesException fault) when (fault.Kind == KubernetesFault.AlreadyExists)
        {
            await client.ChangeAsync(
                KindOf(plural, kind), null, made.Metadata.Name,
                found =>
                {
                    (found.Unknown ??= [])["webhooks"] = made.Unknown["webhooks"];
                    return true;
                },
                cancellation);
        }
    }

    /// <summary>Takes away what has our authority, whether or not the answer to its making came; never what a successor made of it.</summary>
    private async Task UnregisterAsync(string plural, string kind, string name, string authorities, CancellationToken cancellation)
    {
        try
        {
            if (await client.FindAsync(KindOf(plural, kind), null, name + suffix, cancellation) is { } found
                && found.Unknown?.GetValueOrDefault("webhooks").ToString().Contains(authorities, StringComparison.Ordinal) == true)
            {
                var version = new Preconditions { Uid = found.Metadata.Uid, ResourceVersion = found.Metadata.ResourceVersion };
                await client.DeleteAsync(KindOf(plural, kind), null, name + suffix, cancellation, version);
            }
        }
        catch (KubernetesException fault) when (fault.Kind is KubernetesFault.NotFound or KubernetesFault.Conflict)
        {
            // Not served here, or a successor's now.
        }
        catch (Exception fault) when (fault is KubernetesException or OperationCanceledException)
        {
            log($"the webhook stays registered: {fault.Message}");
        }
    }

    private async Task AnswerAsync(HttpContext context, Action asked)
    {
        try
        {
            using var body = await JsonDocument.ParseAsync(context.Request.Body, default, context.RequestAborted);
            var request = AdmissionRequest.Read(body.RootElement);
            if (context.Request.Path == "/mutate")
            {
                asked();
            }

            var (refusal, patch) = !inScope(request.Namespace) ? default
                : context.Request.Path == "/mutate" ? await _review.AuthorizeAsync(request, context.RequestAborted)
                : (await _review.ValidateAsync(request, context.RequestAborted), null);
            var response = new JsonObject { ["uid"] = request.Uid, ["allowed"] = refusal is null };
            if (refusal is not null)
            {
                response["status"] = new JsonObject { ["code"] = refusal.Code, ["reason"] = refusal.Code == 422 ? "Invalid" : "BadRequest", ["message"] = refusal.Message };
            }

            if (patch is not null)
            {
                response["patchType"] = "JSONPatch";
                response["patch"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(patch.ToJsonString()));
            }

            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(
                new JsonObject { ["apiVersion"] = "admission.k8s.io/v1", ["kind"] = "AdmissionReview", ["response"] = response }.ToJsonString(), context.RequestAborted);
        }
        catch (JsonException)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
        }
        catch (KubernetesException fault)
        {
            log($"admission: {fault.Message}");
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }
    }

    private static X509Certificate2 Authority(ECDsa key, DateTimeOffset from, DateTimeOffset to)
    {
        var request = new CertificateRequest("CN=local CDI admission", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(from, to);
    }

    private static X509Certificate2 Certificate(X509Certificate2 authority, ECDsa key, DateTimeOffset from, DateTimeOffset to)
    {
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var made = request.Create(authority, from, to, RandomNumberGenerator.GetBytes(8));
        return made.CopyWithPrivateKey(key);
    }
}
