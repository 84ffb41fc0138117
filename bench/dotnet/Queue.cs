using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

using Work = System.Func<System.Threading.CancellationToken, System.Threading.Tasks.ValueTask>;

/// <summary>The queued hosted service of the documentation: loops over a channel of functions.</summary>
sealed class QueuedService(int concurrency) : BackgroundService
{
    readonly Channel<Work> _channel = Channel.CreateUnbounded<Work>();

    public bool Add(Work work) => _channel.Writer.TryWrite(work);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, concurrency).Select(_ => Task.Run(() => Run(stoppingToken))));

    async Task Run(CancellationToken stoppingToken)
    {
        while (await _channel.Reader.WaitToReadAsync(stoppingToken))
        {
            while (_channel.Reader.TryRead(out var work)) await work(stoppingToken);
        }
    }
}

static class Queue
{
    const int Together = 16;

    public static async Task<object> Check() => new { one = await Order(), many = await MostActive() };

    /// <summary>In which order one at a time are run.</summary>
    static async Task<long> Order()
    {
        var order = 0L;
        await Run(1, 1_000, (task, _) =>
        {
            order = (order * 31 + task) % 1_000_003;
            return ValueTask.CompletedTask;
        });
        return order;
    }

    /// <summary>How many run at the same time; none goes on before as many have begun as should.</summary>
    static async Task<int> MostActive()
    {
        var (active, most) = (0, 0);
        var gate = new object();
        var waiting = new List<TaskCompletionSource>();
        await Run(Together, 10 * Together, async (_, _) =>
        {
            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (gate)
            {
                most = Math.Max(most, ++active);
                waiting.Add(turn);
                if (waiting.Count == Together)
                {
                    foreach (var other in waiting) other.SetResult();
                    waiting.Clear();
                }
            }
            await turn.Task;
            lock (gate) active--;
        });
        return most;
    }

    public static async Task<object> Measure(bool full)
    {
        var count = full ? 100_000 : 20_000;
        var found = new Dictionary<string, double>();
        foreach (var concurrency in new[] { 1, Together })
        {
            var milliseconds = await Sample.Of(() =>
                Run(concurrency, count, (_, _) => ValueTask.CompletedTask), full ? 500 : 50);
            found[$"{concurrency} at a time"] = count / milliseconds / 1_000;
        }
        return found;
    }

    /// <summary>Milliseconds from the first that is handed over to the end of the last.</summary>
    static async Task<double> Run(int concurrency, int count, Func<int, CancellationToken, ValueTask> work)
    {
        var queue = new QueuedService(concurrency);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton<IHostedService>(queue);
        using var host = builder.Build();
        await host.StartAsync();

        var idle = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var left = count;
        var clock = Stopwatch.StartNew();
        for (var index = 0; index < count; index++)
        {
            var task = index;
            queue.Add(async token =>
            {
                await work(task, token);
                if (Interlocked.Decrement(ref left) == 0) idle.SetResult();
            });
        }
        await idle.Task;
        clock.Stop();
        await host.StopAsync();
        return clock.Elapsed.TotalMilliseconds;
    }
}
