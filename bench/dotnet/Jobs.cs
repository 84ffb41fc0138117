using System.Diagnostics;
using Hangfire;
using Hangfire.InMemory;
using Hangfire.PostgreSql;
using Hangfire.Storage.SQLite;

/// <summary>Hangfire, on a storage of which the last word of the command line tells.</summary>
static class Jobs
{
    const int Together = 16;

    static Action<int> _handle = _ => { };

    public static void Handle(int number) => _handle(number);

    public static async Task<object> Check(string storage)
    {
        var (seen, _, _) = await Once(storage, 200);
        return new { jobs = seen.Count, sum = seen.Sum() };
    }

    public static async Task<object> Measure(string storage, bool full)
    {
        var count = full && storage == "memory" ? 5_000 : 200; // in a database 5 000 would take minutes
        await Once(storage, 100);
        var (seen, stored, worked) = await Once(storage, count);
        Sample.Expect("jobs", seen.Count, count);
        return new Dictionary<string, double>
        {
            [$"enqueue, {Together} at a time"] = count / stored,
            [$"work, {Together} at a time"] = count / worked,
        };
    }

    /// <summary>Stores jobs, then works them off; with the milliseconds of each.</summary>
    static async Task<(List<int>, double, double)> Once(string name, int count)
    {
        using var opened = Open(name);
        var seen = new List<int>();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _handle = number =>
        {
            lock (seen)
            {
                seen.Add(number);
                if (seen.Count == count) all.SetResult();
            }
        };
        var client = new BackgroundJobClient(opened.Storage);
        var clock = Stopwatch.StartNew();
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Together).Select(_ => Task.Run(() =>
        {
            for (var number = Interlocked.Increment(ref next); number < count; number = Interlocked.Increment(ref next))
            {
                var mine = number;
                client.Enqueue(() => Handle(mine));
            }
        })));
        var stored = clock.Elapsed.TotalMilliseconds;
        using (Server(opened.Storage)) await all.Task;
        return (seen, stored, clock.Elapsed.TotalMilliseconds - stored);
    }

    public static async Task<object> Pickup(string name, bool full)
    {
        using var opened = Open(name);
        using var server = Server(opened.Storage);
        var client = new BackgroundJobClient(opened.Storage);
        var waits = new List<double>();
        for (var job = 0; job < (full ? 200 : 30); job++)
        {
            await Task.Delay(20 + job % 7);
            var arrival = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
            _handle = _ => arrival.TrySetResult(Stopwatch.GetTimestamp());
            var began = Stopwatch.GetTimestamp();
            var mine = job;
            client.Enqueue(() => Handle(mine));
            waits.Add(Stopwatch.GetElapsedTime(began, await arrival.Task).TotalMilliseconds);
        }
        waits.Sort();
        return new Dictionary<string, double>
        {
            ["median"] = waits[waits.Count / 2],
            ["95 %"] = waits[(int)(waits.Count * 0.95)],
        };
    }

    /// <summary>What the process takes a second after its server has worked off some jobs, and has nothing to do.</summary>
    public static async Task<object> Idle(string name)
    {
        using var opened = Open(name);
        var left = 200;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _handle = _ => { if (Interlocked.Decrement(ref left) == 0) all.SetResult(); };
        using var server = Server(opened.Storage);
        var client = new BackgroundJobClient(opened.Storage);
        for (var job = 0; job < 200; job++)
        {
            var mine = job;
            client.Enqueue(() => Handle(mine));
        }
        await all.Task;
        await Task.Delay(1_000);
        var (heap, resident) = Memory.Used();
        return new Dictionary<string, double> { ["resident"] = resident / 1_000.0, ["heap"] = heap / 1_000.0 };
    }

    static BackgroundJobServer Server(JobStorage storage) => new(
        new BackgroundJobServerOptions { WorkerCount = Together, StopTimeout = TimeSpan.FromSeconds(5) },
        storage);

    sealed record Opened(JobStorage Storage, Action Close) : IDisposable
    {
        public void Dispose() => Close();
    }

    static Opened Open(string name)
    {
        switch (name)
        {
            case "memory":
                return new(new InMemoryStorage(), () => { });
            case "sqlite":
                var folder = Directory.CreateTempSubdirectory("jobs-");
                var sqlite = new SQLiteStorage(Path.Combine(folder.FullName, "jobs.db"),
                    new SQLiteStorageOptions { QueuePollInterval = TimeSpan.FromMilliseconds(50) });
                return new(sqlite, () => { sqlite.Dispose(); folder.Delete(true); });
            default:
                var url = new Uri(Environment.GetEnvironmentVariable("POSTGRES_URL")!);
                var connection = $"Host={url.Host};Port={url.Port};Username={url.UserInfo};Database={url.AbsolutePath[1..]}";
                var schema = $"hangfire_{Environment.ProcessId}_{Stopwatch.GetTimestamp()}";
                var options = new PostgreSqlStorageOptions
                {
                    SchemaName = schema,
                    QueuePollInterval = TimeSpan.FromMilliseconds(50),
                    EnableLongPolling = true,
                };
                var connections = new Hangfire.PostgreSql.Factories.NpgsqlConnectionFactory(connection, options);
                return new(new PostgreSqlStorage(connections, options), () => { });
        }
    }
}
