using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using System.Text;
using System.Text.Unicode;

namespace Guests.Engine;

/// <summary>
/// The guest's bytes as text and back, without loss: a guest's names may be any bytes but NUL and '/'. A byte that is not
/// UTF-8 becomes the lone surrogate U+DC00 + byte (as Python's PEP 383 does), so that a name that was listed can be removed.
/// </summary>
public static class GuestText
{
    private const char Escape = '\uDC00';

    /// <summary>Text of any bytes.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        var text = new StringBuilder(bytes.Length);
        Span<char> pair = stackalloc char[2];
        while (!bytes.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(bytes, out var rune, out var used);
            if (status == OperationStatus.Done)
            {
                text.Append(pair[..rune.EncodeToUtf16(pair)]);
            }
            else
            {
                foreach (var stray in bytes[..used])
                {
                    text.Append((char)(Escape + stray));
                }
            }

            bytes = bytes[used..];
        }

        return text.ToString();
    }

    /// <summary>The bytes of a text that <see cref="Decode"/> made, or of any well-formed text.</summary>
    /// <exception cref="ArgumentException">The text holds a NUL or a surrogate that stands for no byte.</exception>
    public static byte[] Encode(string text)
    {
        var bytes = new ArrayBufferWriter<byte>(text.Length + 8);
        Span<byte> buffer = stackalloc byte[4];
        for (var i = 0; i < text.Length;)
        {
            if (Rune.TryGetRuneAt(text, i, out var rune))
            {
                if (rune.Value == 0)
                {
                    throw new ArgumentException("a NUL cannot stand in a guest's path", nameof(text));
                }

                bytes.Write(buffer[..rune.EncodeToUtf8(buffer)]);
                i += rune.Utf16SequenceLength;
            }
            else if (text[i] is >= '\uDC80' and <= '\uDCFF')
            {
                bytes.Write([(byte)(text[i++] - Escape)]);
            }
            else
            {
                throw new ArgumentException("a lone surrogate cannot stand in a guest's path", nameof(text));
            }
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>
    /// A text for a log line or a result: control characters, direction marks and stray bytes escaped (<c>\n</c>,
    /// <c>\xff</c>), cut at <paramref name="limit"/> characters, always a single line.
    /// </summary>
    public static string Printable(string text, int limit = 200)
    {
        var line = new StringBuilder(Math.Min(text.Length, limit) + 8);
        foreach (var c in text)
        {
            if (line.Length >= limit)
            {
                return line.Append("...").ToString();
            }

            _ = c switch
            {
                '\n' => line.Append("\\n"),
                '\t' => line.Append("\\t"),
                '\r' => line.Append("\\r"),
                >= '\uDC80' and <= '\uDCFF' when !IsPair(line, c) => line.Append("\\x").Append(((byte)(c - Escape)).ToString("x2")),
                _ when char.IsControl(c) || char.GetUnicodeCategory(c) is System.Globalization.UnicodeCategory.Format
                    or System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator
                    => line.Append("\\u").Append(((int)c).ToString("x4")),
                _ => line.Append(c),
            };
        }

        return line.ToString();
    }

    private static bool IsPair(StringBuilder line, char low) => line.Length > 0 && char.IsSurrogatePair(line[^1], low);
}

/// <summary>Passes a <see cref="string"/> to C as the guest's bytes with a final NUL.</summary>
[CustomMarshaller(typeof(string), MarshalMode.ManagedToUnmanagedIn, typeof(GuestTextMarshaller))]
internal static unsafe class GuestTextMarshaller
{
    /// <summary>Copies to memory of the C heap; null stays null.</summary>
    public static byte* ConvertToUnmanaged(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var bytes = GuestText.Encode(text);
        var copy = (byte*)NativeMemory.Alloc((nuint)bytes.Length + 1);
        bytes.CopyTo(new Span<byte>(copy, bytes.Length));
        copy[bytes.Length] = 0;
        return copy;
    }

    /// <summary>Frees the copy.</summary>
    public static void Free(byte* copy) => NativeMemory.Free(copy);
}
