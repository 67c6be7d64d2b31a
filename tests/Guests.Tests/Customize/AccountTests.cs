using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Guests.Customize.Accounts;
using Guests.Inspect;
using Lab;

namespace Guests.Tests.Customize;

public sealed class AccountTests
{
    [Fact]
    public void A_table_comes_back_byte_for_byte_but_for_the_account_that_is_set()
    {
        byte[] content = [.. "root:x:0:0:caf\xe9 \xff:/root:/bin/sh\n# comment\nbroken line\n+nis\n::\n"u8, 0, (byte)'\n', .. "rooty:x:1\nlast:x"u8];
        var table = AccountTable.Parse(content);
        Assert.Equal([.. content, (byte)'\n'], table.ToBytes());

        table.Set(["rooty", "y"]);
        table.Set(["new", "z"]);
        var text = Encoding.Latin1.GetString(table.ToBytes());
        Assert.Contains("\nrooty:y\nlast:x\nnew:z\n", text, StringComparison.Ordinal);
        Assert.StartsWith("root:x:0:0:", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_bytes_are_a_table_and_come_back()
    {
        Prop.ForAll<byte[]>(content =>
        {
            var bytes = AccountTable.Parse(content).ToBytes();
            return content.Length == 0 ? bytes.Length <= 1 : bytes.AsSpan().StartsWith(content) && bytes.Length <= content.Length + 1;
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData(PasswordCrypto.Yescrypt, "$y$")]
    [InlineData(PasswordCrypto.Sha512, "$6$")]
    [InlineData(PasswordCrypto.Sha256, "$5$")]
    [InlineData(PasswordCrypto.Md5, "$1$")]
    public void A_hash_is_what_another_crypt_makes_of_the_same_salt(PasswordCrypto crypto, string prefix)
    {
        var hash = Crypt.Hash("pässword: 1", crypto);
        Assert.StartsWith(prefix, hash, StringComparison.Ordinal);
        Assert.NotEqual(hash, Crypt.Hash("pässword: 1", crypto));

        // Perl's crypt is libc's, called by another program.
        var again = Tool.Run("perl", "-e", "print crypt($ARGV[0], $ARGV[1])", "pässword: 1", hash);
        Assert.Equal(hash, again.Output);
    }

    [Theory]
    [InlineData("debian", "12", PasswordCrypto.Yescrypt)]
    [InlineData("debian", "", PasswordCrypto.Yescrypt)]
    [InlineData("debian", "10", PasswordCrypto.Sha512)]
    [InlineData("rhel", "9.4", PasswordCrypto.Yescrypt)]
    [InlineData("rhel", "8.10", PasswordCrypto.Sha512)]
    [InlineData("ubuntu", "18.04", PasswordCrypto.Sha512)]
    [InlineData("fedora", "41", PasswordCrypto.Yescrypt)]
    [InlineData("alpine", "3.20", PasswordCrypto.Sha512)]
    public void The_hash_suits_the_guest(string id, string version, PasswordCrypto expected)
    {
        Assert.Equal(expected, Crypt.DefaultFor(new GuestSystem(id, [], version, id, "x86_64", ["/"])));
    }

    [Theory]
    [InlineData("", 1000)]
    [InlineData("a:x:1000\nb:x:1005", 1006)]
    [InlineData("a:x:1000\nb:x:60000\nnobody:x:65534", 1001)]
    [InlineData("a:x:junk\nb:x:-5\nc", 1000)]
    public void The_next_number_is_that_of_useradd(string table, int expected)
    {
        Assert.Equal(expected, new IdRange(1000, 60000).Next(AccountTable.Parse(Encoding.ASCII.GetBytes(table))));
    }

    [Theory]
    [InlineData("", 999)]
    [InlineData("a:x:998\nsshd:x:100", 997)]
    [InlineData("a:x:101\nb:x:999", 998)]
    public void The_next_system_number_is_that_of_useradd(string table, int expected)
    {
        Assert.Equal(expected, new IdRange(101, 999, IsSystem: true).Next(AccountTable.Parse(Encoding.ASCII.GetBytes(table))));
    }

    [Fact]
    public void A_member_is_added_once()
    {
        Assert.Equal("a", AccountTable.WithMember("", "a"));
        Assert.Equal("a,b", AccountTable.WithMember("a", "b"));
        Assert.Equal("a,b", AccountTable.WithMember("a,b", "a"));
        Assert.Equal("ab,a", AccountTable.WithMember("ab", "a"));
    }
}
