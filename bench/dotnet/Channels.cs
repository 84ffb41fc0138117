using System.Diagnostics;
using System.Threading.Channels;

/// <summary>Items from one producer to one consumer.</summary>
static class Channels
{
    static readonly Dictionary<string, Func<int, Task<long>>> Cases = new()
    {
        ["bounded, await each"] = count => AwaitEach(Bounded(), count),
        ["bounded, try first"] = count => TryFirst(Bounded(), count),
        ["unbounded, await each"] = count => AwaitEach(Channel.CreateUnbounded<int>(), count),
        ["unbounded, try first"] = count => TryFirst(Channel.CreateUnbounded<int>(), count),
    };

    static Channel<int> Bounded() => Channel.CreateBounded<int>(1_000);

    public static async Task<object> Check()
    {
        foreach (var (name, send) in Cases) Sample.Expect($"sum of {name}", await send(5_000), 5_000 * 5_001 / 2);
        return new { sum = await Cases["bounded, await each"](5_000) };
    }

    public static async Task<object> Measure(bool full)
    {
        var count = full ? 1_000_000 : 200_000;
        var found = new Dictionary<string, double>();
        foreach (var (name, send) in Cases)
        {
            var milliseconds = await Sample.Of(async () =>
            {
                var clock = Stopwatch.StartNew();
                var sum = await send(count);
                clock.Stop();
                Sample.Expect($"sum of {name}", sum, (long)count * (count + 1) / 2);
                return clock.Elapsed.TotalMilliseconds;
            }, full ? 400 : 50);
            found[name] = count / milliseconds / 1_000;
        }
        return found;
    }

    static async Task<long> AwaitEach(Channel<int> channel, int count)
    {
        var produced = Produce();
        var sum = 0L;
        await foreach (var item in channel.Reader.ReadAllAsync()) sum += item;
        await produced;
        return sum;

        async Task Produce()
        {
            for (var item = 1; item <= count; item++) await channel.Writer.WriteAsync(item);
            channel.Writer.Complete();
        }
    }

    static async Task<long> TryFirst(Channel<int> channel, int count)
    {
        var produced = Produce();
        var sum = 0L;
        while (await channel.Reader.WaitToReadAsync())
        {
            while (channel.Reader.TryRead(out var item)) sum += item;
        }
        await produced;
        return sum;

        async Task Produce()
        {
            for (var item = 1; item <= count;)
            {
                if (channel.Writer.TryWrite(item)) item++;
                else await channel.Writer.WaitToWriteAsync();
            }
            channel.Writer.Complete();
        }
    }
}
