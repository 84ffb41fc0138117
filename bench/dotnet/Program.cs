// The .NET side of the scenarios: `dotnet Bench.dll SCENARIO check|measure [quick|full]` prints one
// line of JSON, as the programs of the other variants do.
using System.Diagnostics;
using System.Text.Json;

var (scenario, mode) = (args[0], args[1]);
var full = args.Length > 2 && args[2] == "full";

object found = (scenario, mode) switch
{
    ("version", _) => typeof(Microsoft.Extensions.Hosting.Host).Assembly
        .GetName().Version!.ToString(3),
    ("lifecycle", "check") => await Lifecycle.Check(),
    ("lifecycle", _) => await Lifecycle.Measure(full),
    ("memory", "check") => await Memory.Check(),
    ("memory", _) => await Memory.Measure(),
    ("queue", "check") => await Queue.Check(),
    ("queue", _) => await Queue.Measure(full),
    ("channel", "check") => await Channels.Check(),
    ("channel", _) => await Channels.Measure(full),
    ("jobs" or "pickup" or "idle", "check") => await Jobs.Check(args[^1]),
    ("jobs", _) => await Jobs.Measure(args[^1], full),
    ("pickup", _) => await Jobs.Pickup(args[^1], full),
    ("idle", _) => await Jobs.Idle(args[^1]),
    _ => throw new ArgumentException($"No scenario {scenario}"),
};
Console.WriteLine(JsonSerializer.Serialize(found));

static class Sample
{
    /// <summary>The median of what <paramref name="once"/> gives, called until the time is used up, and once before that.</summary>
    public static async Task<double> Of(Func<Task<double>> once, int milliseconds)
    {
        await once();
        var values = new List<double>();
        var clock = Stopwatch.StartNew();
        do values.Add(await once()); while (clock.ElapsedMilliseconds < milliseconds);
        values.Sort();
        return values[values.Count / 2];
    }

    public static void Expect(string what, long actual, long wanted)
    {
        if (actual != wanted) throw new Exception($"{what}: {actual} instead of {wanted}");
    }
}
