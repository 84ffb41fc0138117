import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted, BackgroundService, type HostStateError, type ServiceContext } from "../mod.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";
import { rig } from "./_rig.ts";
import { Trace } from "./_trace.ts";

guard(test);

/** A worker whose work a test controls. */
class Worker extends BackgroundService {
  readonly signals: AbortSignal[] = [];
  readonly contexts: ServiceContext[] = [];
  readonly gate: Gate = new Gate();

  override async execute(signal: AbortSignal, context: ServiceContext): Promise<void> {
    this.signals.push(signal);
    this.contexts.push(context);
    signal.addEventListener("abort", () => this.gate.open());
    await this.gate.promise;
  }
}

// Alone, as a test of a worker has it.

test("start and stop of a BackgroundService name no parameter, so that a host makes no signal for them", () => {
  assert.is(BackgroundService.prototype.start.length, 0);
  assert.is(BackgroundService.prototype.stop.length, 0);
});

test("executeTask is undefined before the start", () => {
  assert.is(new Worker().executeTask, undefined);
});

test("start() resolves at once, without waiting for execute", async () => {
  const worker = new Worker();
  await worker.start();
  const task = new Fate(worker.executeTask as Promise<void>);
  await quiet();
  assert.is(task.state, "pending");
  await worker.stop();
  await quiet();
  assert.is(task.state, "fulfilled");
});

test("execute never runs in the tick of the start", async () => {
  const worker = new Worker();
  const start = worker.start();
  assert.is(worker.signals.length, 0);
  assert.ok(worker.executeTask instanceof Promise, "its task is there at once");
  await start;
  await quiet();
  assert.is(worker.signals.length, 1);
  await worker.stop();
});

test("executeTask settles as execute did", async () => {
  const ends = new Worker();
  await ends.start();
  ends.gate.open();
  assert.is(await ends.executeTask, undefined);
  const fails = new Worker();
  const boom = new Error("boom");
  await fails.start();
  fails.gate.fail(boom);
  assert.is(await rejection(fails.executeTask as Promise<void>), boom);
});

test("a rejection of executeTask nobody asks for is not unhandled", async () => {
  const worker = new Worker();
  await worker.start();
  worker.gate.fail(new Error("boom"));
  await quiet(); // the guard would see it
  await worker.stop();
});

test("start() with a signal that has aborted never runs execute", async () => {
  const worker = new Worker();
  await worker.start(AbortSignal.abort("never"));
  assert.is(await rejection(worker.executeTask as Promise<void>), "never");
  assert.is(worker.signals.length, 0);
});

test("start()'s signal aborts the work later, without a host", async () => {
  const worker = new Worker();
  const controller = new AbortController();
  const listeners = new Listeners(controller.signal);
  await worker.start(controller.signal);
  await quiet();
  controller.abort("over");
  await worker.executeTask;
  assert.is(worker.signals[0]?.reason, "over");
  assert.is(listeners.now, 0);
});

test("start()'s signal keeps no listener when the work has ended", async () => {
  const worker = new Worker();
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  await worker.start(signal);
  await worker.stop();
  await quiet();
  assert.is(listeners.now, 0);
});

test("start() is refused while an earlier run goes on", async () => {
  const worker = new Worker();
  await worker.start();
  const error = await rejection<HostStateError>(worker.start());
  assert.is(error.code, "ERR_HOST_STATE");
  assert.is(error.message, "Cannot start the service again: its work still runs");
  await worker.stop();
});

test("start() after a run has ended begins a fresh one", async () => {
  class Again extends Worker {
    override execute(signal: AbortSignal, context: ServiceContext): Promise<void> {
      this.contexts.push(context);
      this.signals.push(signal);
      return aborted(signal);
    }
  }
  const worker = new Again();
  const tasks = new Set<unknown>();
  for (const runs of [1, 2, 3]) {
    await worker.start();
    await quiet();
    tasks.add(worker.executeTask);
    assert.is(worker.signals.length, runs);
    assert.not.ok(worker.signals.at(-1)?.aborted);
    await worker.stop();
  }
  assert.is(tasks.size, 3);
});

test("start() after a run has failed begins a fresh one", async () => {
  let runs = 0;
  class Flaky extends BackgroundService {
    override async execute(): Promise<void> {
      if (++runs === 1) throw new Error("boom");
    }
  }
  const worker = new Flaky();
  await worker.start();
  await rejection(worker.executeTask as Promise<void>);
  await worker.start();
  await worker.executeTask;
  assert.is(runs, 2);
});

test("stop() before the start does nothing", async () => {
  await new Worker().stop();
});

test("stop() aborts the work's signal, with a reason, and waits for its end", async () => {
  class Slower extends Worker {
    readonly end: Gate = new Gate();
    override async execute(signal: AbortSignal, context: ServiceContext): Promise<void> {
      await super.execute(signal, context);
      await this.end.promise;
    }
  }
  const worker = new Slower();
  await worker.start();
  await quiet();
  const stop = new Fate(worker.stop());
  await quiet();
  const [signal] = worker.signals;
  assert.ok(signal?.aborted);
  assert.is(signal.reason.name, "AbortError");
  assert.is(signal.reason.message, "The background service was stopped");
  assert.is(stop.state, "pending");
  worker.end.open();
  await quiet();
  assert.is(stop.state, "fulfilled");
});

/** A worker whose work ends when its gate does, whatever its signal says. */
class Slow extends BackgroundService {
  readonly gate: Gate = new Gate();

  override async execute(): Promise<void> {
    await this.gate.promise;
  }
}

for (const [how, end] of [["well", "open"], ["badly", "fail"]] as const) {
  test(`stop() resolves when the work has ended, here ${how}, and not before`, async () => {
    const worker = new Slow();
    await worker.start();
    await quiet();
    const stop = new Fate(worker.stop());
    await quiet();
    assert.is(stop.state, "pending");
    worker.gate[end](new Error("boom"));
    await quiet();
    assert.is(stop.state, "fulfilled");
    await worker.stop(); // once more, after the end
  });
}

test("stop() twice shares the wait", async () => {
  const worker = new Slow();
  await worker.start();
  await quiet();
  const stops = [new Fate(worker.stop()), new Fate(worker.stop())];
  await quiet();
  assert.equal(stops.map(({ state }) => state), ["pending", "pending"]);
  worker.gate.open();
  await quiet();
  assert.equal(stops.map(({ state }) => state), ["fulfilled", "fulfilled"]);
});

test("stop() right after start() never runs execute", async () => {
  const worker = new Worker();
  void worker.start();
  await worker.stop();
  assert.is(worker.signals.length, 0);
});

test("stop() waits for its work whatever its signal says: only a host abandons", async () => {
  const end = new Gate();
  class Stubborn extends BackgroundService {
    override execute(): Promise<void> {
      return end.promise;
    }
  }
  const worker = new Stubborn();
  await worker.start();
  const stop = new Fate(worker.stop(AbortSignal.abort()));
  await quiet();
  assert.is(stop.state, "pending");
  end.open();
  await quiet();
  assert.is(stop.state, "fulfilled");
});

test("stop()'s signal keeps no listener", async () => {
  const worker = new Worker();
  const { signal } = new AbortController();
  const listeners = new Listeners(signal);
  await worker.start();
  await worker.stop(signal);
  assert.is(listeners.now, 0);
});

test("dispose aborts the work's signal and waits for nothing", async () => {
  const worker = new Worker();
  worker[Symbol.dispose]();
  await worker.start();
  await quiet();
  worker[Symbol.dispose]();
  const [signal] = worker.signals;
  assert.ok(signal?.aborted);
  assert.is(signal.reason.message, "The background service was disposed");
  await worker.executeTask;
});

test("alone, it has no context unless a test hands it one", async () => {
  const worker = new Worker();
  await worker.start();
  await quiet();
  assert.equal(worker.contexts, [undefined]);
  await worker.stop();
});

test("a test may hand it a context of its own", async () => {
  const worker = new Worker();
  const context = { name: "mine", clock: new FakeClock() } as unknown as ServiceContext;
  await worker.start(undefined, context);
  await quiet();
  assert.is(worker.contexts[0], context);
  worker.gate.open();
  await worker.executeTask;
});

test("it does not declare a name: a subclass sets it as it likes", () => {
  assert.not.ok("name" in new Worker());
  class Field extends Worker {
    readonly name: string = "field";
  }
  class Getter extends Worker {
    get name(): string {
      return "getter";
    }
  }
  assert.is(new Field().name, "field");
  assert.is(new Getter().name, "getter");
});

// In a host.

test("in a host, execute is given the service's own context", async () => {
  const worker = new Worker();
  const { host, clock, lines } = rig([worker]);
  await host.start();
  await quiet();
  const [context] = worker.contexts;
  assert.is(context?.name, "Worker");
  assert.is(context?.host, host);
  assert.is(context?.lifetime, host.lifetime);
  assert.is(context?.clock, clock);
  assert.is(context?.logger, lines);
  await host.stop();
});

test("in a host, the work's reason is the reason of the stop", async () => {
  const worker = new Worker();
  const { host } = rig([worker]);
  const run = host.run();
  await quiet();
  host.lifetime.stopApplication("because");
  await run;
  assert.is(worker.signals[0]?.reason, host.lifetime.stopping.reason);
  assert.is(worker.signals[0]?.reason.cause, "because");
});

test("an override may prepare, and forget to pass signal and context on", async () => {
  const trace = new Trace();
  class Prepared extends Worker {
    override async start(): Promise<void> {
      await quiet();
      trace.note("prepared");
      await super.start();
    }
    override async stop(): Promise<void> {
      await super.stop();
      trace.note("cleaned up");
    }
  }
  const worker = new Prepared();
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  assert.is(worker.contexts[0]?.host, host);
  await host.stop();
  assert.equal(trace.take(), ["prepared", "cleaned up"]);
  assert.ok(worker.signals[0]?.aborted);
});

test("an override of start that fails: execute never runs", async () => {
  const boom = new Error("boom");
  class Unprepared extends Worker {
    override async start(): Promise<void> {
      throw boom;
    }
  }
  const worker = new Unprepared();
  const { host } = rig([worker]);
  assert.is(await rejection(host.start()), boom);
  assert.is(worker.signals.length, 0);
});

test("in a host, cancelling the start never runs execute of who starts later", async () => {
  const controller = new AbortController();
  const worker = new Worker();
  const { host } = rig([{ start: () => controller.abort("enough"), stop() {} }, worker]);
  assert.is(await rejection(host.start(controller.signal)), "enough");
  await quiet();
  assert.is(worker.signals.length, 0);
});

test("in a host, a crash is told by name", async () => {
  const worker = new Worker();
  const { host, lines } = rig([worker]);
  const run = new Fate(host.run());
  await quiet();
  worker.gate.fail(new Error("boom"));
  await quiet();
  assert.is(run.state, "rejected");
  assert.equal(lines.heads, ['error: Service "Worker": execute failed after 0 ms: Error: boom']);
});

test.run();
