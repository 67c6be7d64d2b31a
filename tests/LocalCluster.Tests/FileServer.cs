using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace LocalCluster.Tests;

/// <summary>A web server on loopback that serves a folder's files; 404 for what is not there (yet).</summary>
internal sealed class FileServer : IAsyncDisposable
{
    private readonly WebApplication _web;

    private FileServer(WebApplication web) => _web = web;

    public string Url => _web.Urls.First();

    public static async Task<FileServer> StartAsync(string folder)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0));
        var web = builder.Build();
        web.Run(context =>
        {
            var path = Path.Combine(folder, Path.GetFileName(context.Request.Path));
            context.Response.StatusCode = File.Exists(path) ? 200 : 404;
            return File.Exists(path) ? context.Response.SendFileAsync(path) : Task.CompletedTask;
        });
        await web.StartAsync();
        return new FileServer(web);
    }

    public ValueTask DisposeAsync() => _web.DisposeAsync();
}
