/** What an alarm host asks of its object. Slices in a real one are in workerd/. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  AlarmHost,
  type AlarmHostOptions,
  BackgroundObject,
  backgroundService,
} from "../src/runtime/workers.ts";
import { afterEach } from "./_after_each.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { FakeClock } from "../src/testing/mod.ts";
import { Gate, hang } from "./_gate.ts";
import { Lines } from "./_lines.ts";

const test = suite("AlarmHost");

/** An alarm is a time of day; here days begin at 0. */
const { now } = Date;
test.before.each(() => void (Date.now = () => 0));
afterEach(test, () => void (Date.now = now));

type Work = (signal: AbortSignal) => Promise<unknown>;

function rig(work: Work, options: AlarmHostOptions = {}) {
  const clock = new FakeClock();
  const lines = new Lines();
  const state = {
    alarm: null as number | null,
    broken: undefined as Error | undefined,
    storage: {
      getAlarm: async () => state.alarm,
      async setAlarm(time: number) {
        if (state.broken) throw state.broken;
        state.alarm = time;
      },
      deleteAlarm: async () => void (state.alarm = null),
    },
  };
  const services = () => [backgroundService("work", work)];
  const object = new AlarmHost(state, services, { clock, logger: lines, ...options });
  /** What the platform does: the alarm is gone when it fires. */
  const fire = (): Promise<void> => {
    state.alarm = null;
    return object.alarm();
  };
  return { object, state, clock, lines, fire };
}

test("start() sets an alarm for now, unless there is one", async () => {
  const { object, state } = rig(aborted);
  assert.is(state.alarm, null);
  await object.start();
  assert.is(state.alarm, 0);
  state.alarm = 7;
  await object.start();
  assert.is(state.alarm, 7);
});

test("work that ends takes the alarm with it", async () => {
  const { state, clock, fire } = rig(async () => {});
  await fire();
  assert.is(state.alarm, null);
  assert.is(clock.pending, 0);
});

test("the alarm is set before a slice, for when it would have ended, and after it", async () => {
  const { state, clock, fire } = rig(aborted, { pause: 300 });
  const slice = fire();
  await clock.advance(9_999);
  assert.is(state.alarm, 15_000, "slice, shutdownTimeout and abandonTimeout");
  await clock.advance(1);
  await slice;
  assert.is(state.alarm, 300);
  assert.is(clock.pending, 0);
});

test("a slice ends though its work does not", async () => {
  const { state, clock, lines, fire } = rig(hang, { retry: { jitter: 0 } });
  const slice = fire();
  await clock.advance(15_000);
  await slice;
  assert.is(state.alarm, 1_000);
  assert.match(lines.all.join("\n"), 'Cannot stop service "work": still running');
});

test("a slice that fails is followed by another after a growing delay", async () => {
  let fails = true;
  const { state, clock, lines, fire } = rig(async (signal) => {
    if (fails) throw new Error("Disk full");
    await aborted(signal);
  }, { retry: { delay: 100, maxDelay: 300, jitter: 0 } });
  const delays: unknown[] = [];
  for (let slice = 0; slice < 4; slice++) {
    await fire();
    delays.push(state.alarm);
  }
  assert.equal(delays, [100, 200, 300, 300]);
  assert.match(lines.all.join("\n"), "A slice failed; the next begins in 100 ms: Error: Disk full");
  fails = false;
  const slice = fire();
  await clock.advance(10_000);
  await slice;
  fails = true;
  await fire();
  assert.is(state.alarm, 100, "it begins to count anew");
});

test("the chance in the delay of a slice that failed can be injected", async () => {
  const { state, fire } = rig(() => Promise.reject(new Error("Disk full")), {
    retry: { delay: 100, jitter: 0.5 },
    random: () => 0.5,
  });
  await fire();
  assert.is(state.alarm, 75);
});

test("alarm() rejects when the storage does, and no work has begun", async () => {
  let begun = false;
  const { state, fire } = rig(async () => begun = true);
  state.broken = new Error("Storage is gone");
  assert.is(await rejection(fire()), state.broken);
  assert.is(begun, false);
});

test("alarm() resolves and sets the next one when the logger fails, too", async () => {
  const fail = (): never => {
    throw new Error("Disk full");
  };
  const logger = { debug: fail, info: fail, warn: fail, error: fail };
  const { state, fire } = rig(async () => fail(), { logger, retry: { delay: 100, jitter: 0 } });
  await fire();
  assert.is(state.alarm, 100);
});

test("stop() waits for the slice, and leaves no alarm", async () => {
  const gate = new Gate();
  const { object, state, clock, fire } = rig(async (signal) => {
    await aborted(signal);
    await gate.promise;
  });
  const slice = fire();
  await clock.advance(1);
  const stop = new Fate(object.stop());
  await clock.advance(1);
  assert.is(stop.state, "pending");
  gate.open();
  await slice;
  await clock.advance(0);
  assert.is(stop.state, "fulfilled");
  assert.is(state.alarm, null);
  assert.is(clock.pending, 0);
});

test("stop() before the work has begun keeps it from beginning", async () => {
  let begun = false;
  const { object, state, fire } = rig(async () => begun = true);
  const slice = fire();
  await object.stop();
  await slice;
  assert.is(begun, false);
  assert.is(state.alarm, null);
});

test("start() while stop() waits lets the work begin again", async () => {
  const gate = new Gate();
  const { object, state, clock, fire } = rig(async (signal) => {
    await aborted(signal);
    await gate.promise;
  });
  const slice = fire();
  await clock.advance(1);
  const stopping = object.stop();
  await clock.advance(1);
  await object.start();
  gate.open();
  await Promise.all([slice, stopping]);
  assert.is(state.alarm, 0);
});

test("wrong arguments are refused", () => {
  const state = { storage: { getAlarm: hang, setAlarm: hang, deleteAlarm: hang } };
  const make = (options: AlarmHostOptions) => () => new AlarmHost(state, () => [], options);
  assert.instance(thrown(() => new AlarmHost({} as never, () => [])), TypeError);
  assert.instance(thrown(() => new AlarmHost(state, [] as never)), TypeError);
  const label = "Cannot use AlarmHost options";
  for (
    const [options, message] of [
      [null, `${label}: expected object, got null`],
      [{ slice: -1 }, `${label}.slice: -1 is not 0 or more`],
      [{ slice: Infinity }, `${label}.slice: Infinity is not finite`],
      [{ pause: "1" }, `${label}.pause: expected number, got string "1"`],
      [{ shutdownTimeout: Infinity }, `${label}.shutdownTimeout: Infinity is not finite`],
      [{ abandonTimeout: NaN }, `${label}.abandonTimeout: NaN is not 0 or more`],
    ] as const
  ) {
    assert.is(thrown(make(options as never)).message, message);
  }
  assert.is(
    thrown(() => new AlarmHost(undefined as never, () => [])).message,
    "Cannot use AlarmHost state: expected object, got undefined",
  );
  assert.instance(thrown(make({ retry: { delay: NaN } })), RangeError);
});

test("a BackgroundObject is named by its class, and has what its constructor was given", async () => {
  const { state, lines } = rig(aborted);
  class Counter extends BackgroundObject<string, typeof state> {
    constructor() {
      super(state, "env", { logger: lines });
    }

    override async execute(): Promise<void> {
      throw new Error(`${this.env} ${this.ctx.alarm !== null}`);
    }
  }
  await new Counter().alarm();
  assert.match(lines.all.join("\n"), 'Service "Counter"');
  assert.match(lines.all.join("\n"), "Error: env true");
});

test.run();
