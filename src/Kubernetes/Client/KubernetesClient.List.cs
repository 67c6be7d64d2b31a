using System.Runtime.CompilerServices;
using System.Text.Json;
using Kubernetes.Models;

namespace Kubernetes.Client;

/// <content>Lists (Kubernetes API concepts, "Retrieving large results sets in chunks").</content>
public sealed partial class KubernetesClient
{
    /// <summary>The most bytes of a list that is held as a whole.</summary>
    private const int MostOfList = 128 << 20;

    /// <summary>The most objects of a list that is told one by one: their names are held.</summary>
    private const int MostTold = 1_000_000;

    /// <summary>All objects, read page by page and held together. For many and large ones, <see cref="EachAsync"/> holds a page only.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="inNamespace">The namespace; null for all.</param>
    /// <param name="cancellation">Stops.</param>
    /// <param name="labels">A label selector.</param>
    /// <param name="fields">A field selector.</param>
    public async Task<ObjectList<T>> ListAsync<T>(
        ResourceKind<T> kind, string? inNamespace, CancellationToken cancellation, string? labels = null, string? fields = null)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(kind);
        var all = new ObjectList<T>();
        var bytes = 0L;
        await foreach (var (page, first, length) in PagesAsync(kind, inNamespace, labels, fields, cancellation))
        {
            if (first)
            {
                all.Items.Clear();
                bytes = 0;
            }

            if ((bytes += length) > MostOfList)
            {
                throw TooMuch(kind, inNamespace, $"{MostOfList >> 20} MiB");
            }

            all.Items.AddRange(page.Items.OfType<T>());
            all.Metadata.ResourceVersion = page.Metadata.ResourceVersion;
        }

        return all;
    }

    /// <summary>
    /// Each object once, without holding more than a page of them. Not all are of one moment: where a list takes so long that the server has
    /// forgotten its beginning, what was not told yet is told as it is then.
    /// </summary>
    /// <param name="kind">The kind.</param>
    /// <param name="inNamespace">The namespace; null for all.</param>
    /// <param name="cancellation">Stops.</param>
    /// <param name="labels">A label selector.</param>
    /// <param name="fields">A field selector.</param>
    public async IAsyncEnumerable<T> EachAsync<T>(
        ResourceKind<T> kind, string? inNamespace, [EnumeratorCancellation] CancellationToken cancellation, string? labels = null, string? fields = null)
        where T : KubernetesObject
    {
        ArgumentNullException.ThrowIfNull(kind);
        var told = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var (page, _, _) in PagesAsync(kind, inNamespace, labels, fields, cancellation))
        {
            foreach (var item in page.Items.OfType<T>())
            {
                if (told.Add(Key(item)))
                {
                    yield return item;
                }

                if (told.Count > MostTold)
                {
                    throw TooMuch(kind, inNamespace, $"{MostTold} objects");
                }
            }
        }
    }

    private static KubernetesException TooMuch<T>(ResourceKind<T> kind, string? inNamespace, string most)
        where T : KubernetesObject =>
        new(KubernetesFault.Protocol, kind.Describe(inNamespace, null), $"a list of more than {most}", "check that the address is an API server's, and how many there are");

    /// <summary>The pages; <c>First</c> is true also where everything begins anew.</summary>
    private async IAsyncEnumerable<(ObjectList<T> Page, bool First, long Bytes)> PagesAsync<T>(
        ResourceKind<T> kind, string? inNamespace, string? labels, string? fields, [EnumeratorCancellation] CancellationToken cancellation)
        where T : KubernetesObject
    {
        var subject = kind.Describe(inNamespace, null);
        var (limit, restarted) = (_options.PageSize, false);
        string? next = null;

        // A token that comes again leads around in a circle. One is kept, of ever later pages, so that a circle of any length is found.
        var (pages, kept) = (0, "");
        do
        {
            var query = Query(("labelSelector", labels), ("fieldSelector", fields), ("limit", $"{limit}"), ("continue", next));
            ObjectList<T> page;
            long bytes;
            try
            {
                using var answer = await _transport.SendAsync(
                    () => Request(HttpMethod.Get, kind.Path(inNamespace) + query, null, null), subject, Bodies.MostOfPage, TrustIn(kind), cancellation);
                bytes = answer.Length;
                page = Bodies.Parse(answer.GetBuffer().AsSpan(0, (int)bytes), kind.ListJson, subject);
                _served.TryAdd(kind.Path(null), true);
            }
            catch (KubernetesException fault) when (fault.Kind == KubernetesFault.Gone && next is not null && !restarted)
            {
                // The pages' version was compacted away between two of them: from the start, once.
                (next, restarted, kept) = ("", true, "");
                continue;
            }
            catch (KubernetesException fault) when (fault.KindUnknown)
            {
                throw await ExplainAsync(kind, subject, fault, cancellation);
            }
            catch (KubernetesException fault) when (fault.TooLarge && limit > 1)
            {
                (next, limit) = (next ?? "", Math.Max(1, limit / 8));
                continue;
            }

            if (page.Unknown?.GetValueOrDefault("kind") is not { ValueKind: JsonValueKind.String } said || said.GetString()?.EndsWith("List", StringComparison.Ordinal) != true)
            {
                throw new KubernetesException(KubernetesFault.Protocol, subject, "the answer is no list", "check that the address is an API server's");
            }

            yield return (page, string.IsNullOrEmpty(next), bytes);
            var token = string.IsNullOrEmpty(page.Metadata.Continue) ? null : page.Metadata.Continue;
            if (token is not null && (token == next || token == kept))
            {
                throw new KubernetesException(KubernetesFault.Protocol, subject, "the pages of the list go around in a circle", "check that the address is an API server's");
            }

            next = token;
            kept = int.IsPow2(++pages) ? token ?? "" : kept;
        }
        while (next is not null);
    }
}
