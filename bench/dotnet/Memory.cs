using System.Diagnostics;

/// <summary>What one idle background service costs.</summary>
static class Memory
{
    const int Count = 20_000;

    public static async Task<object> Check()
    {
        var tally = new Tally();
        await Run(tally, Count, () => { });
        return new { started = tally.Started, stopped = tally.Stopped };
    }

    public static async Task<object> Measure()
    {
        await Run(new Tally(), 10, () => { }); // all code has run once
        var before = Used();
        var after = before;
        await Run(new Tally(), Count, () => after = Used());
        return new Dictionary<string, double>
        {
            ["heap"] = (after.Heap - before.Heap) / (double)Count,
            ["resident"] = (after.Resident - before.Resident) / (double)Count,
        };
    }

    static async Task Run(Tally tally, int count, Action seen)
    {
        using var host = Lifecycle.Make("background", count, tally);
        await host.StartAsync();
        await Lifecycle.Settled(tally, count);
        seen();
        await host.StopAsync();
    }

    public static (long Heap, long Resident) Used()
    {
        var heap = GC.GetTotalMemory(forceFullCollection: true);
        return (heap, Process.GetCurrentProcess().WorkingSet64);
    }
}
