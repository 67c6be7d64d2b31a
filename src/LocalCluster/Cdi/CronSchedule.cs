using System.Globalization;

namespace LocalCluster.Cdi;

/// <summary>A schedule of five fields: minute, hour, day of month, month, day of week (crontab(5); UTC, as CDI's CronJobs).</summary>
public sealed class CronSchedule
{
    private static readonly (int Least, int Most)[] Ranges = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];
    private readonly HashSet<int>[] _fields;
    private readonly bool _anyDay;
    private readonly bool _anyWeekday;

    private CronSchedule(HashSet<int>[] fields, bool anyDay, bool anyWeekday) => (_fields, _anyDay, _anyWeekday) = (fields, anyDay, anyWeekday);

    /// <summary>Reads a schedule; null for what is none.</summary>
    public static CronSchedule? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = text.Trim() switch
        {
            "@hourly" => "0 * * * *",
            "@daily" or "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            var other => other,
        };
        var parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length != Ranges.Length)
        {
            return null;
        }

        var fields = new HashSet<int>[Ranges.Length];
        for (var index = 0; index < Ranges.Length; index++)
        {
            if (Field(parts[index], Ranges[index].Least, Ranges[index].Most) is not { Count: > 0 } values)
            {
                return null;
            }

            fields[index] = values;
        }

        if (fields[4].Contains(7))
        {
            fields[4].Add(0);
        }

        return new CronSchedule(fields, parts[2].StartsWith('*'), parts[4].StartsWith('*'));
    }

    /// <summary>The first time after another one; null where there is none within four years (a 30th of February).</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        var utc = after.ToUniversalTime();
        var time = new DateTimeOffset(utc.Year, utc.Month, utc.Day, utc.Hour, utc.Minute, 0, TimeSpan.Zero).AddMinutes(1);
        for (var end = time.AddYears(4); time < end;)
        {
            if (!IsDay(time))
            {
                time = new DateTimeOffset(time.Date, TimeSpan.Zero).AddDays(1);
            }
            else if (!_fields[1].Contains(time.Hour))
            {
                time = time.AddMinutes(60 - time.Minute);
            }
            else if (!_fields[0].Contains(time.Minute))
            {
                time = time.AddMinutes(1);
            }
            else
            {
                return time;
            }
        }

        return null;
    }

    /// <summary>Where both days are given, either one does.</summary>
    private bool IsDay(DateTimeOffset time)
    {
        var (day, weekday) = (_fields[2].Contains(time.Day), _fields[4].Contains((int)time.DayOfWeek));
        return _fields[3].Contains(time.Month) && (_anyDay || _anyWeekday ? day && weekday : day || weekday);
    }

    private static HashSet<int>? Field(string text, int least, int most)
    {
        var values = new HashSet<int>();
        foreach (var part in text.Split(','))
        {
            var halves = part.Split('/');
            var (range, step) = (halves[0], 1);
            if (halves.Length > 2 || (halves.Length == 2 && (!Number(halves[1], out step) || step < 1)))
            {
                return null;
            }

            var (from, to) = (least, most);
            if (range != "*")
            {
                var ends = range.Split('-');
                if (ends.Length > 2 || !Number(ends[0], out from))
                {
                    return null;
                }

                to = halves.Length == 2 ? most : from;
                if (ends.Length == 2 && !Number(ends[1], out to))
                {
                    return null;
                }
            }

            if (from < least || to > most || from > to)
            {
                return null;
            }

            for (var value = from; value <= to; value += step)
            {
                values.Add(value);
            }
        }

        return values;
    }

    private static bool Number(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
