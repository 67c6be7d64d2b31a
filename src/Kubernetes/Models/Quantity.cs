using System.Globalization;
using System.Numerics;

namespace Kubernetes.Models;

/// <summary>
/// An amount: <c>10Gi</c>, <c>500m</c>, <c>1e3</c> (k8s.io/apimachinery, api/resource.Quantity). Exact to a billionth; what is finer is
/// rounded away from zero, what is larger than 2^63-1 is that, as the API server does it.
/// </summary>
public readonly struct Quantity : IEquatable<Quantity>, IComparable<Quantity>
{
    private const int MostLetters = 80;
    private static readonly BigInteger Nano = 1_000_000_000;
    private static readonly BigInteger Most = long.MaxValue * Nano;
    private static readonly string[] BinarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    private static readonly string[] DecimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

    private readonly Int128 _nanos;
    private readonly QuantityFormat _format;

    private Quantity(Int128 nanos, QuantityFormat format)
    {
        _nanos = nanos;
        _format = format;
    }

    /// <summary>The amount in whole units (bytes, of storage), rounded up as the API server does; at most 2^63-1.</summary>
    public long Value
    {
        get
        {
            var (whole, rest) = Int128.DivRem(_nanos, (Int128)Nano);
            return (long)(rest > 0 ? whole + 1 : rest < 0 ? whole - 1 : whole);
        }
    }

    /// <summary>So many bytes.</summary>
    public static Quantity OfBytes(long bytes) => new(bytes * (Int128)Nano, QuantityFormat.Binary);

    /// <summary>Reads an amount.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static Quantity Parse(string text) => TryParse(text, out var quantity)
        ? quantity
        : throw new FormatException($"\"{text}\" is no quantity: it is a number with a suffix, as in 10Gi");

    /// <summary>Reads an amount; false where it is none.</summary>
    public static bool TryParse(string? text, out Quantity quantity)
    {
        quantity = default;
        if (text is null or { Length: > MostLetters })
        {
            return false;
        }

        var at = text is ['+' or '-', ..] ? 1 : 0;
        var digits = BigInteger.Zero;
        var (any, point, scale) = (false, false, 0);
        for (; at < text.Length && (char.IsAsciiDigit(text[at]) || (text[at] == '.' && !point)); at++)
        {
            if (text[at] == '.')
            {
                point = true;
                continue;
            }

            digits = (digits * 10) + (text[at] - '0');
            scale += point ? 1 : 0;
            any = true;
        }

        if (!any || !TrySuffix(text.AsSpan(at), out var power, out var factor, out var format))
        {
            return false;
        }

        // digits * factor * 10^(power - scale), in billionths.
        var exponent = power - scale + 9;
        var value = digits * factor;
        value = exponent >= 0 ? value * BigInteger.Pow(10, exponent) : RoundUp(value, BigInteger.Pow(10, -exponent));
        value = BigInteger.Min(value, Most);
        quantity = new Quantity((Int128)(text[0] == '-' ? -value : value), format);
        return true;
    }

    /// <summary>The canonical form: no fraction, the largest suffix that fits.</summary>
    public override string ToString()
    {
        if (_nanos == 0)
        {
            return "0";
        }

        var whole = _nanos % (Int128)Nano == 0;
        if (_format == QuantityFormat.Binary && whole && Int128.Abs(_nanos) >= 1024 * (Int128)Nano)
        {
            var units = _nanos / (Int128)Nano;
            var step = 0;
            for (; step < BinarySuffixes.Length - 1 && units % 1024 == 0; step++)
            {
                units /= 1024;
            }

            return units.ToString(CultureInfo.InvariantCulture) + BinarySuffixes[step];
        }

        var (amount, thousands) = (_nanos, 0);
        for (; thousands < DecimalSuffixes.Length - 1 && amount % 1000 == 0; thousands++)
        {
            amount /= 1000;
        }

        var power = (thousands - 3) * 3;
        return amount.ToString(CultureInfo.InvariantCulture)
            + (_format == QuantityFormat.Exponent ? power == 0 ? "" : $"e{power}" : DecimalSuffixes[thousands]);
    }

    /// <inheritdoc/>
    public int CompareTo(Quantity other) => _nanos.CompareTo(other._nanos);

    /// <summary>Whether it is the same amount, however it is written.</summary>
    public bool Equals(Quantity other) => _nanos == other._nanos;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Quantity other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _nanos.GetHashCode();

    /// <summary>The same amount.</summary>
    public static bool operator ==(Quantity left, Quantity right) => left.Equals(right);

    /// <summary>Another amount.</summary>
    public static bool operator !=(Quantity left, Quantity right) => !left.Equals(right);

    /// <summary>Less.</summary>
    public static bool operator <(Quantity left, Quantity right) => left.CompareTo(right) < 0;

    /// <summary>At most.</summary>
    public static bool operator <=(Quantity left, Quantity right) => left.CompareTo(right) <= 0;

    /// <summary>More.</summary>
    public static bool operator >(Quantity left, Quantity right) => left.CompareTo(right) > 0;

    /// <summary>At least.</summary>
    public static bool operator >=(Quantity left, Quantity right) => left.CompareTo(right) >= 0;

    private static BigInteger RoundUp(BigInteger value, BigInteger by)
    {
        var whole = BigInteger.DivRem(value, by, out var rest);
        return rest.IsZero ? whole : whole + 1;
    }

    private static bool TrySuffix(ReadOnlySpan<char> suffix, out int power, out BigInteger factor, out QuantityFormat format)
    {
        (power, factor, format) = (0, BigInteger.One, QuantityFormat.Decimal);
        for (var step = 1; step < BinarySuffixes.Length; step++)
        {
            if (suffix.SequenceEqual(BinarySuffixes[step]))
            {
                (factor, format) = (BigInteger.Pow(1024, step), QuantityFormat.Binary);
                return true;
            }
        }

        for (var step = 0; step < DecimalSuffixes.Length; step++)
        {
            if (suffix.SequenceEqual(DecimalSuffixes[step]))
            {
                power = (step - 3) * 3;
                return true;
            }
        }

        format = QuantityFormat.Exponent;
        return suffix is ['e' or 'E', .. { Length: > 0 and < 5 } number]
            && int.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out power);
    }
}

/// <summary>How an amount is written.</summary>
internal enum QuantityFormat
{
    /// <summary>As in <c>10G</c>.</summary>
    Decimal,

    /// <summary>As in <c>10Gi</c>.</summary>
    Binary,

    /// <summary>As in <c>10e9</c>.</summary>
    Exponent,
}
