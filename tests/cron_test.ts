import { test } from "uvu";
import * as assert from "uvu/assert";
import { cron, type CronDefinition, type LastRun, type ScheduledService } from "../src/cron/mod.ts";
import { readPattern } from "../src/cron/_pattern.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { type Rig, rig } from "./_rig.ts";
import { warnings } from "./_warnings.ts";

guard(test);

const boom = new Error("boom");
const minute = 60_000;
const hour = 60 * minute;
const daily = "30 2 * * *";

/** A started host with one job on a wall clock that a test sets. */
class Bench {
  readonly clock: FakeClock = new FakeClock();
  readonly rig: Rig;
  readonly job: ScheduledService;
  /** `scheduledAt` of each run, and when it began if that differs; with a `!` if triggered. */
  readonly runs: string[] = [];
  /** What the wall clock shows when the other one shows 0. */
  #wall: number;

  constructor(now: string, definition: Partial<CronDefinition>) {
    this.#wall = Date.parse(now);
    this.job = cron("job", {
      pattern: daily,
      timeZone: "Europe/Berlin",
      now: () => this.#wall + this.clock.now(),
      ...definition,
      work: (signal, context, run) => {
        const [due, began] = [run.scheduledAt.toISOString(), this.now];
        this.runs.push((due === began ? due : `${due} at ${began}`) + (run.triggered ? "!" : ""));
        return definition.work?.(signal, context, run);
      },
    });
    this.rig = rig([this.job], { clock: this.clock });
  }

  static async start(now: string, definition: Partial<CronDefinition> = {}): Promise<Bench> {
    const bench = new Bench(now, definition);
    await bench.rig.host.start();
    await quiet();
    return bench;
  }

  get now(): string {
    return new Date(this.#wall + this.clock.now()).toISOString();
  }

  /** Sets the wall clock. */
  set now(now: string) {
    this.#wall = Date.parse(now) - this.clock.now();
  }

  /** Lets time pass until the wall clock shows `now`. */
  async until(now: string): Promise<void> {
    await this.clock.advanceTo(Date.parse(now) - this.#wall);
  }

  get nextRun(): string | undefined {
    return this.job.details.nextRun?.toISOString();
  }

  /** Stops the host, and looks whether anything is left. */
  async stop(): Promise<void> {
    await this.rig.host.stop();
    assert.is(this.clock.pending, 0);
  }
}

/** A store in memory. */
function memory(saved?: LastRun) {
  return {
    saved,
    load(): LastRun {
      return this.saved;
    },
    save(lastRun: Date): void {
      this.saved = lastRun;
    },
  };
}

// The wall clock.

test("cron() runs when the pattern matches, and says when it will", async () => {
  const bench = await Bench.start("2026-07-01T10:00:00Z");
  assert.is(bench.nextRun, "2026-07-02T00:30:00.000Z");
  await bench.until("2026-07-03T10:00:00Z");
  assert.equal(bench.runs, ["2026-07-02T00:30:00.000Z", "2026-07-03T00:30:00.000Z"]);
  assert.equal(bench.job.details, {
    nextRun: new Date("2026-07-04T00:30:00Z"),
    lastRun: new Date("2026-07-03T00:30:00Z"),
    runs: 2,
    failures: 0,
    running: false,
  });
  await bench.stop();
});

test("cron() takes seconds, and nicknames", async () => {
  const often = await Bench.start("2026-07-01T10:00:00.500Z", { pattern: "*/20 * * * * *" });
  await often.until("2026-07-01T10:00:40Z");
  assert.equal(often.runs, ["2026-07-01T10:00:20.000Z", "2026-07-01T10:00:40.000Z"]);
  await often.stop();
  const midnight = await Bench.start("2026-07-01T10:00:00Z", { pattern: "@daily" });
  assert.is(midnight.nextRun, "2026-07-01T22:00:00.000Z");
  await midnight.stop();
});

test("cron() daily at a time the spring gap leaves out runs right after the gap", async () => {
  const bench = await Bench.start("2026-03-28T00:00:00Z");
  await bench.until("2026-03-30T12:00:00Z");
  assert.equal(bench.runs, [
    "2026-03-28T01:30:00.000Z", // 02:30 in winter
    "2026-03-29T01:00:00.000Z", // 03:00, as 02:00 to 03:00 does not exist
    "2026-03-30T00:30:00.000Z", // 02:30 in summer
  ]);
  await bench.stop();
});

test("cron() daily at a time the autumn repeats runs the first time only", async () => {
  const bench = await Bench.start("2026-10-24T12:00:00Z");
  await bench.until("2026-10-26T12:00:00Z");
  assert.equal(bench.runs, ["2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"]);
  await bench.stop();
});

// A list of fixed times is one, and so are lists of seconds and minutes.
for (
  const [pattern, timeZone, from, ...expected] of [
    [
      "30 2,14 * * *",
      "Europe/Berlin",
      "2026-03-28T15:00",
      "03-29T01:00",
      "03-29T12:30",
      "03-30T00:30",
    ],
    [
      "30 2,14 * * *",
      "Europe/Berlin",
      "2026-10-24T15:00",
      "10-25T00:30",
      "10-25T13:30",
      "10-26T01:30",
    ],
    [
      "0,30 2 * * *",
      "Europe/Berlin",
      "2026-03-28T15:00",
      "03-29T01:00",
      "03-30T00:00",
      "03-30T00:30",
    ],
    [
      "30 0,15 2,3 * * *",
      "Europe/Berlin",
      "2026-10-24T15:00",
      "10-25T00:00",
      "10-25T00:15",
      "10-25T02:00",
    ],
    [
      "57 2,14 * * *",
      "America/St_Johns",
      "2026-03-08T05:05",
      "03-08T05:30",
      "03-08T17:27",
      "03-09T05:27",
    ],
    ["30 2,14 * * *", "Europe/Berlin", "2026-10-25T01:15", "10-25T13:30"], // from the second 2:15
    // A gap that ends at midnight, one that begins there, and one that is a whole day.
    ["31 23 * * *", "America/Nuuk", "2025-03-30T00:54", "03-30T01:00", "03-31T00:31"],
    ["0 0 * * 6", "America/Nuuk", "2025-03-28T12:00", "03-29T02:00", "04-05T01:00"],
    ["30 0 * * 5", "Africa/Cairo", "2024-04-25T12:00", "04-25T22:00", "05-02T21:30"],
    ["0 9 30 * *", "Pacific/Apia", "2011-12-01T00:00", "12-30T10:00", "01-29T19:00"],
  ] as const
) {
  test(`cron() with ${pattern} in ${timeZone} from ${from} has fixed times`, async () => {
    const bench = await Bench.start(`${from}Z`, { pattern, timeZone });
    for (const _ of expected) await bench.until(bench.nextRun as string);
    assert.equal(bench.runs.map((run) => run.slice(5, 16)), expected);
    await bench.stop();
  });
}

// Intervals run whenever the clock shows a match: a look at every half minute finds the same.
for (
  const [timeZone, change] of [
    ["Europe/Berlin", "2026-03-29T01:00Z"],
    ["Europe/Berlin", "2026-10-25T01:00Z"],
    ["Australia/Lord_Howe", "2026-04-04T15:00Z"],
    ["Australia/Lord_Howe", "2026-10-03T15:30Z"],
    ["America/Nuuk", "2025-03-30T01:00Z"],
    ["America/Nuuk", "2025-10-26T01:00Z"],
    ["Africa/Cairo", "2024-04-25T22:00Z"],
    ["Africa/Cairo", "2024-10-31T21:00Z"],
    ["Pacific/Apia", "2011-12-30T10:00Z"],
  ] as const
) {
  test(`cron() with intervals runs at what the clock shows around ${change} (${timeZone})`, () => {
    const format = new Intl.DateTimeFormat("en", {
      timeZone,
      hourCycle: "h23",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    const matches: Record<string, (hour: number, minute: number, second: number) => boolean> = {
      "*/20 * * * *": (_, minute, second) => minute % 20 === 0 && second === 0,
      "30 10,40 * * * *": (_, minute, second) => minute % 30 === 10 && second === 30,
      "15 1-2 * * *": (hour, minute, second) =>
        (hour === 1 || hour === 2) && minute === 15 && second === 0,
      "*/30 23,0 * * *": (hour, minute, second) =>
        (hour === 23 || hour === 0) && minute % 30 === 0 && second === 0,
      "*/30 * 2 * * *": (hour, _, second) => hour === 2 && second % 30 === 0,
    };
    const [from, to] = [Date.parse(change) - 5 * hour, Date.parse(change) + 5 * hour];
    const shown: [time: number, ...parts: [number, number, number]][] = [];
    for (let time = from + 30_000; time <= to; time += 30_000) {
      shown.push([time, ...format.format(time).split(":").map(Number) as [number, number, number]]);
    }
    for (const [pattern, match] of Object.entries(matches)) {
      const nextAfter = readPattern("this", pattern, timeZone);
      const found: number[] = [];
      for (let time: number | undefined = from; (time = nextAfter(time)) && time <= to;) {
        found.push(time);
      }
      assert.equal(found, shown.filter(([, ...parts]) => match(...parts)).map(([time]) => time));
    }
  });
}

test("cron() many times a day skips the gap, and goes on through the repeated hour", async () => {
  const pattern = "*/30 2 * * *";
  const spring = await Bench.start("2026-03-28T12:00:00Z", { pattern });
  await spring.until("2026-03-30T12:00:00Z");
  assert.equal(spring.runs, ["2026-03-30T00:00:00.000Z", "2026-03-30T00:30:00.000Z"]);
  await spring.stop();
  const autumn = await Bench.start("2026-10-24T12:00:00Z", { pattern });
  await autumn.until("2026-10-25T12:00:00Z");
  assert.equal(autumn.runs, [
    "2026-10-25T00:00:00.000Z",
    "2026-10-25T00:30:00.000Z",
    "2026-10-25T01:00:00.000Z",
    "2026-10-25T01:30:00.000Z",
  ]);
  await autumn.stop();
});

test("cron() looks at the wall clock every minute, and so sees that it was set", async () => {
  const bench = await Bench.start("2026-07-01T10:00:00Z");
  assert.is(bench.clock.next, minute);
  bench.now = "2026-07-02T00:29:00Z";
  await bench.clock.advance(minute);
  assert.equal(bench.runs, ["2026-07-02T00:30:00.000Z"]);
  await bench.stop();
});

test("cron() repeats nothing when the wall clock is set back", async () => {
  const bench = await Bench.start("2026-07-02T00:00:00Z");
  await bench.until("2026-07-02T00:30:00Z");
  bench.now = "2026-07-02T00:00:00Z";
  await bench.until("2026-07-03T00:30:00Z");
  assert.equal(bench.runs, ["2026-07-02T00:30:00.000Z", "2026-07-03T00:30:00.000Z"]);
  await bench.stop();
});

for (
  const [from, to, ms] of [
    ["2036-07-01T00:00:00Z", "2026-07-01T00:00:00Z", "87671.9"],
    ["2026-07-01T03:30:00Z", "2026-07-01T00:15:00Z", "3.2"],
  ] as const
) {
  test(`cron() counts from now, and says so once, when the clock goes from ${from} to ${to}`, async () => {
    const bench = await Bench.start(from);
    bench.now = to;
    await bench.clock.advance(hour);
    assert.equal(bench.runs, ["2026-07-01T00:30:00.000Z"]);
    assert.equal(bench.rig.lines.all, [
      `warn: Service "job": the wall clock was set back by ${ms} h or more, ` +
      "so the schedule counts from now",
    ]);
    await bench.stop();
  });
}

test("cron() set back by 3 hours is silent for as long, and repeats nothing", async () => {
  const bench = await Bench.start("2026-07-01T04:00:00Z", { pattern: "0 * * * *" });
  await bench.until("2026-07-01T05:00:00Z");
  bench.now = "2026-07-01T02:00:00Z";
  await bench.until("2026-07-01T06:00:00Z");
  assert.equal(bench.runs, ["2026-07-01T05:00:00.000Z", "2026-07-01T06:00:00.000Z"]);
  assert.equal(bench.rig.lines.all, []);
  await bench.stop();
});

test("cron() whose store knows a run hours ahead of the clock counts from now, and says so", async () => {
  const store = memory("2026-07-02T00:30:00Z");
  const bench = await Bench.start("2026-07-01T00:00:00Z", { store });
  assert.is(bench.nextRun, "2026-07-01T00:30:00.000Z");
  assert.match(bench.rig.lines.all.join(), /^warn: .*set back by 24.5 h or more/);
  await bench.stop();
});

test("cron() without a clock of its own looks at Date.now", async () => {
  const { host } = rig([cron("job", { pattern: "@daily", work: hang })]);
  await host.start();
  await quiet();
  const nextRun = Number((host.services[0]?.details as ScheduledService["details"]).nextRun);
  assert.ok(nextRun > Date.now() && nextRun <= Date.now() + 25 * hour, `${nextRun}`);
  await host.stop();
});

// What patterns mean.

for (
  const [pattern, ...expected] of [
    ["0 0 13 * 5", "2026-07-03", "2026-07-10", "2026-07-13", "2026-07-17"], // either
    ["0 0 13 * +5", "2026-11-13", "2027-08-13"], // both
    ["0 0 * * 5#2", "2026-07-10", "2026-08-14"],
    ["0 0 * * 5L", "2026-07-31", "2026-08-28"],
    ["0 0 L * *", "2026-07-31", "2026-08-31"],
    ["0 0 LW * *", "2026-07-31", "2026-08-31"],
    ["0 0 15W * *", "2026-07-15", "2026-08-14"],
    ["0 0 0 1 ? ?", "2026-08-01", "2026-09-01"], // a question mark is a star
    ["0 0 29 2 *", "2028-02-29", "2032-02-29"],
  ] as const
) {
  test(`cron() with ${pattern} runs on ${expected[0]} and then on ${expected[1]}`, () => {
    const nextAfter = readPattern("this", pattern, "UTC");
    let time = Date.parse("2026-07-01T12:00Z");
    const found = expected.map(() => new Date(time = nextAfter(time) as number).toISOString());
    assert.equal(found, expected.map((day) => `${day}T00:00:00.000Z`));
  });
}

for (
  const [pattern, expected] of [
    ["2026-07-01T13:00:00", "2026-07-01T11:00:00.000Z"],
    ["2026-07-01T13:00:00Z", "2026-07-01T13:00:00.000Z"],
    ["2026-07-01T13:00:00+05:30", "2026-07-01T07:30:00.000Z"],
    ["2027-03-28T02:30:00", "2027-03-28T01:00:00.000Z"], // in the gap
    ["2026-10-25T02:30:00", "2026-10-25T00:30:00.000Z"], // twice
  ] as const
) {
  test(`cron() with ${pattern} is due once`, () => {
    const nextAfter = readPattern("this", pattern, "Europe/Berlin");
    const time = nextAfter(Date.parse("2026-07-01T00:00Z")) as number;
    assert.is(new Date(time).toISOString(), expected);
    assert.is(nextAfter(time - 1), time);
    assert.is(nextAfter(time), undefined);
  });
}

// The end of a pattern.

test("cron() with one moment runs then, and its work has ended", async () => {
  const bench = await Bench.start("2026-07-01T10:00:00Z", { pattern: "2026-07-01T13:00:00" });
  await bench.until("2026-07-01T12:00:00Z");
  assert.equal(bench.runs, ["2026-07-01T11:00:00.000Z"]);
  assert.is(bench.rig.host.services[0]?.state, "completed");
  assert.is(bench.nextRun, undefined);
  assert.is((await rejection<{ code?: string }>(bench.job.trigger())).code, "ERR_HOST_STATE");
  await bench.stop();
});

for (const pattern of ["0 0 0 1 1 * 2020", "0 0 30 2 *"]) {
  test(`cron() with ${pattern}, which never comes, has ended at once`, async () => {
    const bench = await Bench.start("2026-07-01T10:00:00Z", { pattern });
    assert.is(bench.rig.host.services[0]?.state, "completed");
    assert.equal(bench.runs, []);
    await bench.stop();
  });
}

// Missed moments.

test("cron() makes one run of what a long run misses, right after it", async () => {
  const gate = new Gate();
  const bench = await Bench.start("2026-07-01T10:00:00Z", {
    pattern: "*/5 * * * *",
    work: () => gate.promise,
  });
  await bench.until("2026-07-01T10:17:00Z");
  gate.open();
  await bench.until("2026-07-01T10:20:00Z");
  assert.equal(bench.runs, [
    "2026-07-01T10:05:00.000Z",
    "2026-07-01T10:10:00.000Z at 2026-07-01T10:17:00.000Z",
    "2026-07-01T10:20:00.000Z",
  ]);
  await bench.stop();
});

test("cron() with missed skip waits after a long run for the next moment", async () => {
  const gate = new Gate();
  const bench = await Bench.start("2026-07-01T10:00:00Z", {
    pattern: "*/5 * * * *",
    missed: "skip",
    work: () => gate.promise,
  });
  await bench.until("2026-07-01T10:10:30Z");
  gate.open();
  await quiet();
  assert.is(bench.nextRun, "2026-07-01T10:15:00.000Z");
  await bench.until("2026-07-01T10:15:00Z");
  assert.equal(bench.runs, ["2026-07-01T10:05:00.000Z", "2026-07-01T10:15:00.000Z"]);
  await bench.stop();
});

test("cron() with missed skip drops what passes while a triggered run goes on", async () => {
  const gate = new Gate();
  const bench = await Bench.start("2026-07-01T10:04:00Z", {
    pattern: "*/5 * * * *",
    missed: "skip",
    work: () => gate.promise,
  });
  void bench.job.trigger();
  await bench.until("2026-07-01T10:05:10Z");
  gate.open();
  await bench.until("2026-07-01T10:10:00Z");
  assert.equal(bench.runs, ["2026-07-01T10:04:00.000Z!", "2026-07-01T10:10:00.000Z"]);
  await bench.stop();
});

test("cron() runs once for all that passed while the machine was suspended", async () => {
  const bench = await Bench.start("2026-07-01T10:00:00Z");
  bench.now = "2026-07-04T06:00:00Z"; // and no timer has moved
  await bench.clock.advance(minute);
  assert.equal(bench.runs, ["2026-07-02T00:30:00.000Z at 2026-07-04T06:01:00.000Z"]);
  assert.is(bench.nextRun, "2026-07-05T00:30:00.000Z");
  await bench.stop();
});

test("cron() with missed skip runs not at all for what passed while it was suspended", async () => {
  const bench = await Bench.start("2026-07-01T10:00:00Z", { missed: "skip" });
  bench.now = "2026-07-04T06:00:00Z";
  await bench.clock.advance(minute);
  assert.equal(bench.runs, []);
  assert.is(bench.nextRun, "2026-07-05T00:30:00.000Z");
  await bench.stop();
});

test("cron() with missed skip runs when it is late by no more than a minute", async () => {
  const bench = await Bench.start("2026-07-02T00:29:30Z", { missed: "skip" });
  bench.now = "2026-07-02T00:30:20Z";
  await bench.clock.advance(30_000);
  assert.equal(bench.runs, ["2026-07-02T00:30:00.000Z at 2026-07-02T00:30:50.000Z"]);
  await bench.stop();
});

test("cron() with missed skip runs for the last minute of the time for which it was suspended", async () => {
  const bench = await Bench.start("2026-07-01T10:00:00Z", { pattern: "* * * * *", missed: "skip" });
  bench.now = "2026-07-01T12:00:30Z";
  await bench.clock.advance(minute);
  assert.equal(bench.runs, ["2026-07-01T12:01:00.000Z at 2026-07-01T12:01:30.000Z"]);
  assert.is(bench.nextRun, "2026-07-01T12:02:00.000Z");
  await bench.stop();
});

test("cron() with missed skip does not take its jitter for lateness", async () => {
  const bench = await Bench.start("2026-07-02T00:29:30Z", {
    missed: "skip",
    jitter: hour,
    random: () => 0.5,
  });
  assert.is(bench.nextRun, "2026-07-02T01:00:00.000Z");
  await bench.until("2026-07-02T02:00:00Z");
  assert.equal(bench.runs, ["2026-07-02T00:30:00.000Z at 2026-07-02T01:00:00.000Z"]);
  await bench.stop();
});

test("cron() with missed skip keeps what comes late by its jitter when a run ends", async () => {
  const gate = new Gate();
  const bench = await Bench.start("2026-07-01T10:00:00Z", {
    pattern: "*/5 * * * *",
    missed: "skip",
    jitter: 2 * minute,
    random: () => 0.5,
    work: () => gate.promise,
  });
  await bench.until("2026-07-01T10:10:30Z");
  gate.open();
  await bench.until("2026-07-01T10:12:00Z");
  assert.equal(bench.runs, [
    "2026-07-01T10:05:00.000Z at 2026-07-01T10:06:00.000Z",
    "2026-07-01T10:10:00.000Z at 2026-07-01T10:11:00.000Z",
  ]);
  await bench.stop();
});

test("cron() stops while it waits for its jitter", async () => {
  const bench = await Bench.start("2026-07-02T00:29:30Z", { jitter: hour, random: () => 0.5 });
  await bench.until("2026-07-02T00:45:00Z");
  await bench.stop();
  assert.equal(bench.runs, []);
});

// The store.

const night = "2026-07-01T00:30:00Z";

for (const saved of [new Date(night), Date.parse(night), night]) {
  test(`cron() catches up on what was missed since the last run (${typeof saved})`, async () => {
    const store = memory(saved);
    const bench = await Bench.start("2026-07-04T06:00:00Z", { store });
    assert.equal(bench.runs, ["2026-07-02T00:30:00.000Z at 2026-07-04T06:00:00.000Z"]);
    assert.equal(store.saved, new Date("2026-07-04T06:00:00Z"));
    assert.is(bench.nextRun, "2026-07-05T00:30:00.000Z");
    await bench.stop();
  });
}

test("cron() that has missed nothing waits, and knows of the last run", async () => {
  const bench = await Bench.start("2026-07-01T06:00:00Z", { store: memory(night) });
  assert.equal(bench.runs, []);
  assert.equal(bench.job.details.lastRun, new Date(night));
  await bench.stop();
});

test("cron() with missed skip does not catch up, and still knows of the last run", async () => {
  const store = memory(night);
  const bench = await Bench.start("2026-07-04T06:00:00Z", { missed: "skip", store });
  assert.equal(bench.runs, []);
  assert.equal(bench.job.details.lastRun, new Date(night));
  await bench.until("2026-07-05T00:30:00Z");
  assert.equal(store.saved, new Date("2026-07-05T00:30:00Z"));
  await bench.stop();
});

for (const nothing of [undefined, null]) {
  test(`cron() counts from its start when ${nothing} was saved, and saves that`, async () => {
    const store = memory(nothing);
    const bench = await Bench.start("2026-07-04T06:00:00Z", { store });
    assert.equal(bench.runs, []);
    assert.is(bench.job.details.lastRun, undefined);
    assert.equal(store.saved, new Date("2026-07-04T06:00:00Z"));
    await bench.stop();
  });
}

test("cron() catches up on its very first run", async () => {
  const store = memory();
  const first = await Bench.start("2026-07-04T06:00:00Z", { store });
  await first.stop();
  const second = await Bench.start("2026-07-05T00:00:00Z", { store });
  await second.stop();
  const third = await Bench.start("2026-07-06T06:00:00Z", { store });
  assert.equal(third.runs, ["2026-07-05T00:30:00.000Z at 2026-07-06T06:00:00.000Z"]);
  await third.stop();
});

test("cron() with missed skip has nothing to catch up on, and saves no start", async () => {
  const store = memory();
  const bench = await Bench.start("2026-07-04T06:00:00Z", { store, missed: "skip" });
  await bench.stop();
  assert.is(store.saved, undefined);
});

test("cron() saves no start when nobody knows what was saved", async () => {
  const store = { ...memory(night), load: () => Promise.reject(boom) };
  const bench = await Bench.start("2026-07-04T06:00:00Z", { store });
  await bench.stop();
  assert.is(store.saved, night);
});

test("cron() with a jitter saves its moments, not how late they began", async () => {
  const store = memory("2026-07-01T10:00:00Z");
  const definition = { pattern: "* * * * *", jitter: 5 * minute, random: () => 0.9, store };
  const bench = await Bench.start("2026-07-01T10:00:00Z", definition);
  await bench.until("2026-07-01T10:06:00Z");
  await bench.stop();
  assert.equal(bench.runs, ["2026-07-01T10:01:00.000Z at 2026-07-01T10:05:30.000Z"]);
  assert.equal(store.saved, new Date("2026-07-01T10:01:00Z"));
  const next = await Bench.start("2026-07-01T10:06:00Z", definition);
  await next.until("2026-07-01T10:07:30Z");
  assert.equal(next.runs, [
    "2026-07-01T10:02:00.000Z at 2026-07-01T10:06:30.000Z",
    "2026-07-01T10:03:00.000Z at 2026-07-01T10:07:30.000Z",
  ]);
  await next.stop();
});

test("cron() does not run again what a replica whose clock is ahead has run", async () => {
  const store = memory("2026-07-02T00:30:00.050Z");
  const bench = await Bench.start("2026-07-02T00:29:59.990Z", { store });
  await bench.until("2026-07-02T12:00:00Z");
  assert.equal(bench.runs, []);
  await bench.stop();
});

test("cron() saves when a run began, after it has ended", async () => {
  const gate = new Gate();
  const store = memory(night);
  const bench = await Bench.start("2026-07-02T00:00:00Z", { store, work: () => gate.promise });
  await bench.until("2026-07-02T01:00:00Z");
  assert.is(store.saved, night);
  gate.open();
  await quiet();
  assert.equal(store.saved, new Date("2026-07-02T00:30:00Z"));
  await bench.stop();
});

for (const failure of ["log", "fail"] as const) {
  test(`cron() saves a run that failed, too (failure: ${failure})`, async () => {
    const store = memory();
    const bench = await Bench.start("2026-07-02T00:00:00Z", {
      store,
      failure,
      backgroundServiceExceptionBehavior: "ignore",
      work: () => Promise.reject(boom),
    });
    await bench.until("2026-07-02T01:00:00Z");
    assert.equal(store.saved, new Date("2026-07-02T00:30:00Z"));
    assert.is(bench.rig.host.services[0]?.state, failure === "log" ? "started" : "failed");
    await bench.stop();
  });
}

test("cron() does not save a run the stop has cut: it is caught up on", async () => {
  const store = memory(night);
  const cut = await Bench.start("2026-07-02T00:00:00Z", {
    store,
    work: (signal) => new Promise((_, reject) => (signal.onabort = () => reject(signal.reason))),
  });
  await cut.until("2026-07-02T00:30:00Z");
  await cut.stop();
  assert.is(store.saved, night);
  const next = await Bench.start("2026-07-02T00:31:00Z", { store });
  assert.equal(next.runs, ["2026-07-02T00:30:00.000Z at 2026-07-02T00:31:00.000Z"]);
  await next.stop();
});

test("cron() saves a run that ends well during the stop", async () => {
  const gate = new Gate();
  const store = memory();
  const bench = await Bench.start("2026-07-02T00:00:00Z", { store, work: () => gate.promise });
  await bench.until("2026-07-02T00:30:00Z");
  const stop = bench.stop();
  gate.open();
  await stop;
  assert.equal(store.saved, new Date("2026-07-02T00:30:00Z"));
});

test("cron() does not save a run that was only triggered", async () => {
  const store = memory(night);
  const bench = await Bench.start("2026-07-02T00:00:00Z", { store });
  await bench.job.trigger();
  await quiet();
  assert.equal(bench.runs, ["2026-07-02T00:00:00.000Z!"]);
  assert.is(store.saved, night);
  await bench.stop();
});

test("cron() logs a save that fails, and goes on", async () => {
  const store = { load: () => night, save: () => Promise.reject(boom) };
  const bench = await Bench.start("2026-07-02T00:00:00Z", { store, failure: "fail" });
  await bench.until("2026-07-03T12:00:00Z");
  assert.is(bench.runs.length, 2);
  const line = 'error: Service "job": the last run was not saved: Error: boom';
  assert.equal(bench.rig.lines.heads, [line, line]);
  assert.is(bench.job.details.failures, 0);
  await bench.stop();
});

const unloadable = 'error: Service "job": the last run was not loaded, so none is caught up on: ';

for (
  const [what, load, line] of [
    ["fails", () => Promise.reject(boom), "Error: boom"],
    [
      "gives no date",
      () => "yesterday",
      "TypeError: Cannot use what was loaded: yesterday is not a date",
    ],
  ] as const
) {
  test(`cron() logs a load that ${what}, and counts from now`, async () => {
    const store = { ...memory(), load };
    const bench = await Bench.start("2026-07-02T00:00:00Z", { store, failure: "fail" });
    await bench.until("2026-07-02T12:00:00Z");
    assert.equal(bench.runs, ["2026-07-02T00:30:00.000Z"]);
    assert.equal(bench.rig.lines.heads, [unloadable + line]);
    await bench.stop();
  });
}

test("cron() waits for its load with everything, and the stop ends that wait", async () => {
  const load = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => (signal.onabort = () => reject(signal.reason)));
  const bench = await Bench.start("2026-07-02T00:00:00Z", { store: { ...memory(), load } });
  const trigger = new Fate(bench.job.trigger());
  await bench.until("2026-07-02T00:00:29Z");
  assert.is(trigger.state, "pending");
  await bench.stop();
  assert.is(trigger.state, "rejected");
  assert.equal(bench.runs, []);
  assert.equal(bench.rig.lines.all, []);
});

for (const what of ["load", "save"] as const) {
  test(`cron() warns of a ${what} that hangs, and leaves no timer when it is abandoned`, async () => {
    const store = { ...memory(), [what]: hang };
    const bench = await Bench.start("2026-07-02T00:00:00Z", { store });
    await bench.until("2026-07-02T00:03:00Z");
    const line = (seconds: number): string =>
      `warn: Service "job" has waited ${seconds} s for its "store.${what}", and begins no run before`;
    assert.equal(bench.rig.lines.all, [line(30), line(60), line(120)]);
    const stop = new Fate(bench.rig.host.stop());
    await bench.clock.advance(hour);
    assert.is(stop.state, "rejected");
    assert.is(bench.clock.pending, 0);
  });
}

test("cron() triggered during its load runs when that is done", async () => {
  const gate = new Gate();
  const store = { ...memory(), load: () => gate.promise as Promise<undefined> };
  const bench = await Bench.start("2026-07-02T00:00:00Z", { store });
  const trigger = new Fate(bench.job.trigger());
  gate.open();
  await quiet();
  assert.is(trigger.state, "fulfilled");
  assert.equal(bench.runs, ["2026-07-02T00:00:00.000Z!"]);
  await bench.stop();
});

test("cron() hands its save a signal that aborts with the grace", async () => {
  let seen: AbortSignal | undefined;
  const save = (_: Date, signal: AbortSignal): Promise<never> => {
    seen = signal;
    return new Promise((_, reject) => (signal.onabort = () => reject(signal.reason)));
  };
  const bench = await Bench.start("2026-07-02T00:00:00Z", { store: { ...memory(night), save } });
  await bench.until("2026-07-02T00:30:00Z");
  const stop = bench.stop();
  await bench.clock.advance(24_999);
  assert.not(seen?.aborted);
  await bench.clock.advance(1);
  await stop;
  assert.ok(seen?.aborted);
  assert.is(bench.rig.lines.all.length, 2, "it was late, and was not saved");
});

// The definition.

for (
  const [change, type, message] of [
    [
      { pattern: 5 },
      TypeError,
      /^Cannot use service "job".pattern: expected string, got number 5$/,
    ],
    [{ pattern: "0/30 * * * *" }, RangeError, /^Cannot use service "job".pattern: .*0\/30/],
    [{ pattern: "0 22-2 * * *" }, RangeError, /^Cannot use service "job".pattern: .*22-2/],
    [{ pattern: "0 0 L-3 * *" }, RangeError, /^Cannot use service "job".pattern: .*L-3/],
    [{ pattern: undefined }, TypeError, /^Cannot use service "job".pattern: .* got undefined$/],
    [{ pattern: "" }, RangeError, /^Cannot use service "job".pattern: .*five, six, or seven/],
    [{ pattern: "61 * * * *" }, RangeError, /^Cannot use service "job".pattern: .*minute: 61/],
    [{ pattern: "@reboot" }, RangeError, /^Cannot use service "job".pattern: .*@reboot/],
    [{ pattern: "2026-99-99T00:00" }, RangeError, /^Cannot use service "job".pattern: /],
    [{ timeZone: "Mars/Base" }, RangeError, /^Cannot use service "job".timeZone: .*Mars\/Base/],
    [{ timeZone: "" }, RangeError, /^Cannot use service "job".timeZone: /],
    [{ timeZone: 1 }, TypeError, /^Cannot use service "job".timeZone: expected string, got number/],
    [
      { missed: "x" },
      TypeError,
      /^Cannot .*"job".missed: expected runOnce or skip, got string "x"$/,
    ],
    [{ store: null }, TypeError, /^Cannot use .*"job".store: expected object, got null$/],
    [{ store: {} }, TypeError, /^Cannot use .*"job".store.load: expected function, got undefined$/],
    [{ work: undefined }, TypeError, /^Cannot use .*"job".work: expected function, got undefined$/],
    [{ jitter: Infinity }, RangeError, /^Cannot use .*"job".jitter: Infinity is not finite$/],
  ] as const
) {
  test(`cron() refuses ${JSON.stringify(change)}`, () => {
    const definition = { pattern: daily, work: hang, ...change } as never;
    const error = thrown(() => cron("job", definition));
    assert.instance(error, type);
    assert.match(error.message, message);
  });
}

for (const definition of [undefined, null, daily]) {
  test(`cron() refuses the definition ${JSON.stringify(definition)}`, () => {
    const error = thrown(() => cron("job", definition as never));
    assert.instance(error, TypeError);
    assert.match(error.message, /^Cannot use service "job": expected object, got /);
  });
}

test("cron() warns of a name that is wrong in case only", async () => {
  const definition = {
    pattern: daily,
    timezone: "Europe/Berlin",
    work: hang,
  };
  const lines = await warnings(() => cron("job", definition));
  assert.equal(lines, [
    'Cannot use service "job": there is no "timezone", did you mean "timeZone"',
  ]);
});

test("cron() keeps the cause of its refusal", () => {
  for (const change of [{ pattern: "61 * * * *" }, { timeZone: "Mars/Base" }]) {
    const error = thrown(() => cron("job", { pattern: daily, work: hang, ...change }));
    assert.instance(error.cause, Error);
  }
});

test.run();
