using Kubernetes;
using Kubernetes.Models;
using LocalCluster.Api;
using Xunit;

namespace LocalCluster.Tests.Api;

public sealed class DurabilityTests
{
    private static Task<ConfigMap> MakeAsync(LocalApi api, string name) =>
        api.Client.CreateAsync(Kinds.ConfigMaps, new() { Metadata = { Name = name, Namespace = "default" } }, LocalApi.Limit());

    private static async Task<IReadOnlyList<string>> NamesAsync(LocalApi api) =>
        [.. (await api.Client.ListAsync(Kinds.ConfigMaps, "default", LocalApi.Limit())).Items.Select(one => one.Metadata.Name!)];

    [Fact]
    public async Task What_was_answered_is_there_after_a_kill_with_the_same_versions()
    {
        await using var api = await LocalApi.StartAsync();
        await MakeAsync(api, "a");
        await MakeAsync(api, "gone");
        await api.Client.DeleteAsync(Kinds.ConfigMaps, "default", "gone", LocalApi.Limit());
        var last = await MakeAsync(api, "b");
        await using var after = await api.CopyAsync();
        Assert.Equal(["a", "b"], await NamesAsync(after));
        var found = await after.Client.GetAsync(Kinds.ConfigMaps, "default", "b", LocalApi.Limit());
        Assert.Equal((last.Metadata.ResourceVersion, last.Metadata.Uid), (found.Metadata.ResourceVersion, found.Metadata.Uid));
        Assert.True(long.Parse((await MakeAsync(after, "c")).Metadata.ResourceVersion!) > long.Parse(last.Metadata.ResourceVersion!));
    }

    [Fact]
    public async Task A_restart_keeps_address_tokens_and_CA()
    {
        await using var api = await LocalApi.StartAsync();
        var (url, kubeconfig, ca) = (api.Server.Url, File.ReadAllText(api.Server.Kubeconfig), File.ReadAllText(api.Server.CaFile));
        await MakeAsync(api, "a");
        await api.RestartAsync();
        Assert.Equal((url, kubeconfig, ca), (api.Server.Url, File.ReadAllText(api.Server.Kubeconfig), File.ReadAllText(api.Server.CaFile)));
        Assert.Equal(["a"], await NamesAsync(api));
    }

    [Fact]
    public async Task A_torn_last_line_is_dropped_wherever_it_was_torn()
    {
        await using var api = await LocalApi.StartAsync();
        await MakeAsync(api, "a");
        var journal = Path.Combine(api.State, "api", "objects.journal");
        var before = new FileInfo(journal).Length;
        await MakeAsync(api, "b");
        var after = new FileInfo(journal).Length;
        await api.Server.DisposeAsync();
        var whole = File.ReadAllBytes(journal);
        foreach (var length in new[] { before, before + 1, (before + after) / 2, after - 2, after - 1 })
        {
            File.WriteAllBytes(journal, whole[..(int)length]);
            await api.RestartAsync();
            Assert.Equal(["a"], await NamesAsync(api));
            await MakeAsync(api, "c");
            await api.RestartAsync();
            Assert.Equal(["a", "c"], await NamesAsync(api));
            await api.Server.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_journal_that_is_damaged_elsewhere_is_not_started_from()
    {
        await using var api = await LocalApi.StartAsync();
        await MakeAsync(api, "a");
        await api.Server.DisposeAsync();
        var journal = Path.Combine(api.State, "api", "objects.journal");
        var text = File.ReadAllBytes(journal);
        text[text.Length / 2] = 0;
        File.WriteAllBytes(journal, text);
        var fault = await Assert.ThrowsAsync<IOException>(() => ApiServer.StartAsync(new ApiServerOptions(api.State), LocalApi.Limit()));
        Assert.Contains("is damaged", fault.Message);
        Assert.Equal(text, File.ReadAllBytes(journal));
    }

    [Fact]
    public async Task Two_do_not_share_a_folder_or_a_port()
    {
        await using var api = await LocalApi.StartAsync();
        var fault = await Assert.ThrowsAsync<IOException>(() => ApiServer.StartAsync(new ApiServerOptions(api.State), LocalApi.Limit()));
        Assert.Contains("another process works here", fault.Message);
        var port = new Uri(api.Server.Url).Port;
        fault = await Assert.ThrowsAsync<IOException>(() => ApiServer.StartAsync(new ApiServerOptions(api.Scratch["other"]) { Port = port }, LocalApi.Limit()));
        Assert.Contains($"port {port}", fault.Message);
    }

    [Fact]
    public async Task A_certificate_that_ends_is_made_anew_at_the_next_start()
    {
        await using var api = await LocalApi.StartAsync();
        var ca = File.ReadAllText(api.Server.CaFile);
        var certificate = File.ReadAllText(Path.Combine(api.State, "api", "server.crt"));
        await api.Server.DisposeAsync();
        await using (await ApiServer.StartAsync(new ApiServerOptions(api.State) { Time = new Later(TimeSpan.FromDays(360)) }, LocalApi.Limit()))
        {
            Assert.Equal(ca, File.ReadAllText(api.Server.CaFile));
            Assert.NotEqual(certificate, File.ReadAllText(Path.Combine(api.State, "api", "server.crt")));
        }

        await using var last = await ApiServer.StartAsync(new ApiServerOptions(api.State) { Time = new Later(TimeSpan.FromDays(3650)) }, LocalApi.Limit());
        Assert.NotEqual(ca, File.ReadAllText(last.CaFile));
        Assert.Contains(Convert.ToBase64String(File.ReadAllBytes(last.CaFile)), File.ReadAllText(last.Kubeconfig));
    }

    private sealed class Later(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
