using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

/// <summary>What has happened to the services of one run.</summary>
sealed class Tally
{
    public int Started, Stopped;
}

/// <summary>Hooks that do nothing.</summary>
sealed class Empty(Tally tally) : IHostedService
{
    public Task StartAsync(CancellationToken _)
    {
        tally.Started++;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken _)
    {
        tally.Stopped++;
        return Task.CompletedTask;
    }
}

/// <summary>Hooks that go through the scheduler once.</summary>
sealed class Plain(Tally tally) : IHostedService
{
    public async Task StartAsync(CancellationToken _)
    {
        await Task.Yield();
        tally.Started++;
    }

    public async Task StopAsync(CancellationToken _)
    {
        await Task.Yield();
        tally.Stopped++;
    }
}

sealed class Worker(Tally tally) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Interlocked.Increment(ref tally.Started);
        await Task.Delay(Timeout.Infinite, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Interlocked.Increment(ref tally.Stopped);
    }
}

static class Lifecycle
{
    static readonly string[] Kinds = ["empty", "plain", "background"];

    public static IHost Make(string kind, int count, Tally tally)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        for (var index = 0; index < count; index++)
        {
            builder.Services.AddSingleton<IHostedService>(kind switch
            {
                "empty" => new Empty(tally),
                "plain" => new Plain(tally),
                _ => new Worker(tally),
            });
        }
        return builder.Build();
    }

    /// <summary>Background work may begin after the start that began it.</summary>
    public static async Task Settled(Tally tally, int count)
    {
        while (Volatile.Read(ref tally.Started) < count) await Task.Yield();
    }

    public static async Task<object> Check()
    {
        var found = new Dictionary<string, object>();
        foreach (var kind in Kinds)
        {
            var tally = new Tally();
            using var host = Make(kind, 5, tally);
            await host.StartAsync();
            await Settled(tally, 5);
            var running = Snapshot(tally);
            await host.StopAsync();
            found[kind] = new { running, stopped = Snapshot(tally) };
        }
        return found;
    }

    static object Snapshot(Tally tally) => new { started = tally.Started, stopped = tally.Stopped };

    public static async Task<object> Measure(bool full)
    {
        var found = new Dictionary<string, double>();
        foreach (var kind in Kinds)
        {
            foreach (var count in new[] { 1, 100, full ? 10_000 : 1_000 })
            {
                found[$"{kind}, {count}"] = await Sample.Of(() => Once(kind, count), full ? 150 : 20);
            }
        }
        return found;
    }

    static async Task<double> Once(string kind, int count)
    {
        var tally = new Tally();
        using var host = Make(kind, count, tally);
        var start = Stopwatch.StartNew();
        await host.StartAsync();
        start.Stop();
        await Settled(tally, count);
        var stop = Stopwatch.StartNew();
        await host.StopAsync();
        stop.Stop();
        Sample.Expect("started services", tally.Started, count);
        Sample.Expect("stopped services", tally.Stopped, count);
        return (start.Elapsed + stop.Elapsed).TotalMilliseconds;
    }
}
