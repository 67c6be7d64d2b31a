namespace Registry;

/// <summary>Reads answers of servers that may be hostile: never more than a limit into memory.</summary>
internal static class Limited
{
    internal static async Task<byte[]> ReadAsync(HttpContent content, int limit, string subject, CancellationToken cancel)
    {
        RegistryException TooLarge() => new(
            RegistryFault.Protocol, subject, $"the answer is larger than {limit >> 10} KiB", "check that this is the image you mean");

        if (content.Headers.ContentLength > limit)
        {
            throw TooLarge();
        }

        await using var stream = await content.ReadAsStreamAsync(cancel);
        using var memory = new MemoryStream();
        var buffer = new byte[16 << 10];
        int count;
        while ((count = await stream.ReadAsync(buffer, cancel)) > 0)
        {
            if (memory.Length + count > limit)
            {
                throw TooLarge();
            }

            memory.Write(buffer, 0, count);
        }

        return memory.ToArray();
    }
}
