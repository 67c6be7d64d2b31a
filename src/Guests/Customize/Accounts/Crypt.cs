using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Guests.Engine;
using Guests.Inspect;

namespace Guests.Customize.Accounts;

/// <summary>How a password is hashed, see crypt(5).</summary>
public enum PasswordCrypto
{
    /// <summary><c>$1$</c>; broken, for very old guests only.</summary>
    Md5,

    /// <summary><c>$5$</c></summary>
    Sha256,

    /// <summary><c>$6$</c></summary>
    Sha512,

    /// <summary><c>$y$</c></summary>
    Yescrypt,
}

/// <summary>Password hashes by libxcrypt's crypt(3).</summary>
static partial class Crypt
{
    /// <summary>CRYPT_OUTPUT_SIZE and CRYPT_GENSALT_OUTPUT_SIZE of libxcrypt are 384 and 192.</summary>
    private const int OutputSize = 384;

    /// <summary>sizeof(struct crypt_data) of libxcrypt.</summary>
    private const int DataSize = 32768;

    /// <summary>The strongest that the guest is known to understand: yescrypt where the distribution uses it, else SHA-512.</summary>
    public static PasswordCrypto DefaultFor(GuestSystem system)
    {
        var major = int.TryParse(system.VersionId.Split('.')[0], out var number) ? number : -1;
        var yescrypt = system.Id switch
        {
            "debian" => major is >= 11 or -1, // testing and unstable have no version
            "ubuntu" => major >= 20,
            "fedora" => major >= 30,
            "rhel" or "centos" or "rocky" or "almalinux" or "ol" => major >= 9,
            "sles" or "opensuse-leap" => major >= 15,
            "arch" or "kali" or "opensuse-tumbleweed" => true,
            _ => false,
        };
        return yescrypt ? PasswordCrypto.Yescrypt : PasswordCrypto.Sha512;
    }

    /// <summary>Hashes a password with a random salt.</summary>
    public static unsafe string Hash(string password, PasswordCrypto crypto)
    {
        var prefix = crypto switch
        {
            PasswordCrypto.Md5 => "$1$",
            PasswordCrypto.Sha256 => "$5$",
            PasswordCrypto.Sha512 => "$6$",
            _ => "$y$",
        };
        Span<byte> random = stackalloc byte[32];
        RandomNumberGenerator.Fill(random);
        var setting = stackalloc byte[OutputSize];
        var data = (byte*)NativeMemory.AllocZeroed(DataSize);
        var phrase = Encoding.UTF8.GetBytes(password + "\0");
        try
        {
            fixed (byte* bytes = random)
            fixed (byte* text = phrase)
            {
                if (GenerateSalt(prefix, 0, bytes, random.Length, setting, OutputSize) is null)
                {
                    throw Failed(crypto);
                }

                // On failure the result starts with '*', which no hash does.
                var hash = Marshal.PtrToStringUTF8((nint)CryptR(text, setting, data, DataSize));
                return hash is { Length: > 12 } && hash[0] != '*' ? hash : throw Failed(crypto);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(phrase);
            CryptographicOperations.ZeroMemory(new Span<byte>(data, DataSize));
            NativeMemory.Free(data);
        }
    }

    private static GuestException Failed(PasswordCrypto crypto) => new(
        GuestFault.Unsupported, "password", $"this system's libcrypt cannot make {crypto.ToString().ToLowerInvariant()} hashes",
        "choose another with password-crypto");

    [LibraryImport("libcrypt.so.1", EntryPoint = "crypt_gensalt_rn", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial byte* GenerateSalt(string prefix, nuint count, byte* random, int randomSize, byte* output, int outputSize);

    [LibraryImport("libcrypt.so.1", EntryPoint = "crypt_rn")]
    private static unsafe partial byte* CryptR(byte* phrase, byte* setting, byte* data, int size);
}
