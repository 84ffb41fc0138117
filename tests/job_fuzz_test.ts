/**
 * Nothing lost, nothing twice: random jobs, servers that stop, die, freeze and lose their holds, clients that change their
 * minds, and a store whose calls fail, come late, and are not answered.
 *
 * @module
 */

import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHost, type Host, type Logger } from "../mod.ts";
import {
  type AnyJob,
  defineJob,
  type Job,
  type JobClient,
  jobClient,
  type JobContext,
  type JobEvent,
  type JobId,
  type JobServer,
  jobServer,
  type JobState,
} from "../src/jobs/mod.ts";
import { Turns } from "../src/_time/turns.ts";
import { readPattern } from "../src/jobs/_pattern.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate } from "./_fate.ts";
import { FuzzyStore, type KnownJob, Machine, type Weather } from "./_fuzzy_jobs.ts";
import { guard } from "./_guard.ts";
import { playLives } from "./fuzz/lives.ts";
import { Random } from "./fuzz/random.ts";

guard(test);

// How long things take on this machine decides when a loop gives the event loop its turn, and so who comes first of two
// servers. Without that a life is the same each time.
const { due } = Turns.prototype;
test.before(() => void (Turns.prototype.due = () => false));
test.after(() => void (Turns.prototype.due = due));

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const fair: Weather = { failure: 0, loss: 0, lateness: 0, latest: 0 };
const ended: readonly string[] = ["succeeded", "failed", "cancelled", "deleted"];

/** What a job is to do. */
interface Task {
  readonly ms: number;
  readonly fails: number;
  readonly key: string;
}

/** A program with a server or a client of jobs. */
interface Program {
  readonly machine: Machine;
  readonly host: Host;
  readonly jobs: JobClient;
  readonly events: JobEvent[];
  readonly started: Fate;
  stopped: Fate | undefined;
  isAborted: boolean;
  /** How long its stop may take, and has taken, in milliseconds. */
  readonly grace: number;
  stopTook: number | undefined;
}

/** One random life of jobs; throws when a promise is broken. */
async function live(seed: number): Promise<string> {
  const random = new Random(seed);
  const clock = new FakeClock();
  const holdTimeout = random.pick([1_000, 3_000, 15_000]);
  const stubborn = random.pick([0, 0, 0.3]);
  let isCalm = false;
  const attempts = { plain: 1 + random.below(4), keyed: 3, once: 1, timed: 2, rare: 2 };
  const store = new FuzzyStore(clock, attempts);
  const { complaints } = store;
  const bad: Weather = {
    failure: random.pick([0, 0.03, 0.15]),
    loss: random.pick([0, 0.03, 0.15]),
    lateness: random.pick([0, 0.3]),
    latest: random.pick([100, 2_000, 20_000]),
  };
  const programs: Program[] = [];
  /** Of jobs whose enqueue was acknowledged. */
  const ids: JobId<string>[] = [];
  const asked: [Fate, Machine][] = [];
  const results: [Fate, string, Machine][] = [];

  /** Does what a job is to do, in the process of a server. */
  const execute =
    (machine: Machine) =>
    async (task: Task, signal: AbortSignal, item: JobContext): Promise<string> => {
      const { id, attempt, name } = item;
      const run = { id, attempt, token: machine.tokenOf(id), signal, fate: "running" as const };
      const fate = run as { fate: string };
      const job = store.jobs.get(id) as KnownJob;
      machine.runs.add(run);
      if (machine.isDead || machine.isFrozen) store.complain(`${machine.name} works, and cannot`);
      if (machine.isStopping) store.complain(`job ${id} has begun after the stop`);
      if (attempt > (attempts[name as "plain"])) store.complain(`job ${id} is tried too often`);
      const isHeld = job.state === "processing" && job.token === run.token;
      if (!isHeld || job.holdUntil <= store.now) {
        store.complain(`job ${id} runs, but it is ${job.state}, held until ${job.holdUntil}`);
      }
      item.progress(attempt);
      if (random.chance(0.2)) item.log(`attempt ${attempt}`);
      if (!isCalm && random.chance(0.05)) {
        const program = programs.find((it) => it.machine === machine) as Program;
        const enqueued = program.jobs.enqueue(definitions.plain, task, { after: id });
        ask(program, enqueued, (id) => ids.push(id));
      }
      try {
        await new Promise<void>((resolve, reject) => {
          const timer = machine.setTimeout(resolve, isCalm ? Math.min(task.ms, 100) : task.ms);
          if (random.chance(stubborn)) return;
          const drop = (): void => {
            machine.clearTimeout(timer);
            reject(
              random.chance(0.8) ? signal.reason : new Error("It failed while it was dropped"),
            );
          };
          if (signal.aborted) drop();
          else signal.addEventListener("abort", drop);
        });
        if (random.chance(isCalm ? 0 : task.fails)) {
          throw new Error(random.chance(0.1) ? "It failed for good" : "It failed");
        }
        fate.fate = "fulfilled";
        return `${id} ${attempt}`;
      } catch (error) {
        fate.fate = "rejected";
        throw error;
      }
    };

  const key = (task: Task): string => task.key;
  const retryable = (error: unknown): boolean => !(error as Error).message.includes("for good");
  const retry = { delay: 300, maxDelay: 5_000, retryable };
  const define = (machine?: Machine): Record<keyof typeof attempts, Job<Task, string>> => {
    const work = machine
      ? execute(machine)
      : () => Promise.reject(new Error("A client runs nothing"));
    const made = (name: keyof typeof attempts, more: object): Job<Task, string> =>
      defineJob(name, {
        retry: { ...retry, attempts: attempts[name] },
        execute: work,
        ...more,
      });
    return {
      plain: made("plain", {}),
      keyed: made("keyed", { unique: { key, until: untilOf } }),
      once: made("once", { queue: "other" }),
      timed: made("timed", { timeout: 1_000, queue: "other" }),
      rare: made("rare", { overlap: isOverlapping }),
    };
  };
  const untilOf = random.pick(["started", "ended"]);
  const isOverlapping = random.chance(0.5);
  const missed = random.pick(["runOnce", "skip"]);
  const definitions = define();

  const begin = (name: string, kind: "server" | "client" | "all"): Program => {
    const machine = new Machine(name, store, random, isCalm ? fair : bad);
    const events: JobEvent[] = [];
    const its = define(machine);
    const known: AnyJob[] = Object.values(its);
    const jobs = kind === "client"
      ? jobClient(name, { storage: machine.storage })
      : jobServer(name, {
        storage: machine.storage,
        jobs: kind === "all" ? known : known.filter(() => random.chance(0.8)),
        holdTimeout,
        recurring: kind === "all" && random.chance(0.3)
          ? { r3: { job: its.rare, input: task(), pattern: "*/5 * * * * *", missed } }
          : undefined,
        retention: {
          succeeded: random.pick([5_000, 86_400_000]),
          cancelled: random.pick([5_000, 86_400_000]),
          failed: random.pick([5_000, 86_400_000]),
        },
        random: () => random.next(),
        stopTimeout: Infinity,
        start(_signal, context) {
          context.forced.addEventListener("abort", () => (machine.isCut = true));
        },
        stopping: () => void (machine.isStopping = true),
      });
    jobs.subscribe((event) => events.push(event));
    const grace = random.pick([0, 30, 1_000, 10_000]);
    const host = createHost([jobs], {
      clock: machine,
      logger: silent,
      shutdownTimeout: grace,
      abandonTimeout: 120_000, // longer than any handler, and any way to the store
    });
    const program: Program = {
      machine,
      host,
      jobs,
      events,
      started: new Fate(host.start()),
      stopped: undefined,
      isAborted: false,
      grace,
      stopTook: undefined,
    };
    programs.push(program);
    return program;
  };

  const isUp = ({ machine, host, stopped }: Program): boolean =>
    !machine.isDead && !stopped && host.state === "started";
  const working = (): readonly Program[] => programs.filter(isUp);
  const serving = (): readonly Program[] => working().filter(({ jobs }) => "details" in jobs);

  /** Awaits what a program asks for, which may fail for all that is between it and the store. */
  const ask = <R>(
    { machine }: Program,
    call: Promise<R>,
    then: (answer: R) => void = () => {},
  ): void => void asked.push([new Fate(call.then(then)), machine]);
  const some = (): JobId<string> => random.pick(ids as unknown as [JobId<string>]);
  const task = (): Task => ({
    ms: random.pick([0, 0, 5, 50, 400, 3_000, 2 * holdTimeout]),
    fails: random.pick([0, 0.2, 0.6]),
    key: random.pick(["a", "b"]),
  });
  const stop = (program: Program): void => {
    const begun = clock.now();
    program.machine.thaw();
    program.stopped = new Fate(
      program.host.stop().finally(() => (program.stopTook = clock.now() - begun)),
    );
  };

  const act = (): void => {
    const all = working();
    const program = all[random.below(all.length)];
    if (!program) return void begin(`server ${programs.length}`, "server");
    const { jobs, machine } = program;
    const definition = random.pick(
      Object.values(definitions) as unknown as [Job<Task, string>],
    );
    const kind = random.below(26);
    if (kind < 8) {
      const after = ids.length > 0 && random.chance(0.3)
        ? [...new Set([some(), some()].slice(0, 1 + random.below(2)))]
        : [];
      const options = {
        priority: random.below(3),
        delay: random.chance(0.2) ? random.below(8_000) : undefined,
        after,
        on: random.pick(["succeeded", "ended"]),
        id: random.chance(0.1) ? `own ${random.below(20)}` : undefined,
      } as const;
      ask(program, jobs.enqueue(definition, task(), options), (id) => ids.push(id));
    } else if (kind < 10) {
      const tasks = [task(), task(), task()];
      ask(program, jobs.enqueueAll(definition, tasks), (added) => ids.push(...added));
    } else if (kind < 12) {
      if (ids.length > 0) ask(program, jobs.cancel(some()));
    } else if (kind < 14) {
      if (ids.length > 0) ask(program, jobs.requeue(some()));
    } else if (kind === 14) {
      ask(program, jobs.requeueAll({ state: random.pick(["failed", "scheduled"]) }));
    } else if (kind === 15) {
      ask(program, jobs.cancelAll({ job: definition.name, state: "enqueued" }));
    } else if (kind === 16) ask(program, jobs.pause(random.pick(["default", "other"])));
    else if (kind === 17) ask(program, jobs.resume(random.pick(["default", "other"])));
    else if (kind === 18) {
      const pattern = random.pick(["*/2 * * * * *", "*/7 * * * * *", "0 * * * * *"]);
      const recurring = { job: definitions.rare, input: task(), pattern, missed } as const;
      ask(program, jobs.addOrUpdate(random.pick(["r1", "r2"]), recurring));
    } else if (kind === 19) {
      if (random.chance(0.5)) ask(program, jobs.removeIfExists("r1"));
      else ask(program, jobs.trigger("r2"), (id) => id && ids.push(id as JobId<string>));
    } else if (kind === 20) {
      if (ids.length > 0) {
        const id = some();
        results.push([new Fate(jobs.result(id).then((it) => check(id, it))), id, machine]);
      }
    } else if (kind === 21) machine.offlineUntil = clock.now() + random.below(3 * holdTimeout);
    else if (kind === 22) {
      machine.freeze();
      clock.setTimeout(() => machine.thaw(), random.below(4 * holdTimeout));
    } else if (kind === 23) {
      if (random.chance(0.5)) machine.kill();
      else stop(program);
      if (program.stopped && random.chance(0.1)) {
        program.isAborted = true;
        program.host.abort();
      }
    } else if (serving().length < 3) {
      begin(`server ${programs.length}`, random.pick(["server", "all"]));
    }
  };

  const check = (id: string, result: unknown): void => {
    const { results } = store.jobs.get(id) as KnownJob;
    if (!results.has(JSON.stringify(result))) {
      store.complain(`job ${id} has not ended as ${result}`);
    }
  };

  begin("client", "client");
  begin("server 1", "all");
  await clock.advance(10);
  const steps = 10 + random.below(50);
  for (let step = 0; step < steps; step++) {
    act();
    await clock.advance(random.pick([0, 1, 20, 300, 2_000]));
    if (step % 8 === 0) await store.compareCounts();
  }

  // From here on the weather is fair, and whatever was acknowledged has to end.
  isCalm = true;
  for (const { machine } of programs) {
    machine.weather = fair;
    machine.offlineUntil = 0;
    machine.thaw();
  }
  await clock.advance(40_000); // what was on its way has come
  for (const it of programs) {
    if (!isUp(it) && !it.machine.isDead && !it.stopped) assert.is(it.started.state, "rejected");
  }
  const last = begin("last", "all");
  await clock.advance(100);
  assert.is(last.started.state, "fulfilled");
  for (const queue of ["default", "other"]) await last.jobs.resume(queue);
  await clock.advance(holdTimeout + 20_000);
  for (const { id, nextAt = Infinity, lastState } of await last.jobs.recurring()) {
    const isBusy = lastState !== undefined && !ended.includes(lastState);
    assert.ok(nextAt > store.now || isBusy, `${id} makes no jobs any more`);
    await last.jobs.removeIfExists(id);
  }
  const open = (): readonly KnownJob[] =>
    [...store.jobs.values()].filter((it) => !ended.includes(it.state) && !waitsForFailed(it));
  const waitsForFailed = ({ state, parents, parentsOn }: KnownJob): boolean =>
    state === "awaiting" &&
    parents.some((parent) =>
      parentsOn === "succeeded" && parent.state === "failed" || waitsForFailed(parent)
    );
  for (let turn = 0; turn < 40 && open().length > 0; turn++) await clock.advance(5_000);
  assert.is(complaints.join("\n"), "");
  const endless = open().map((it) => `${it.id} ${it.name} ${it.state}`);
  assert.is(endless.length, 0, `jobs never end: ${endless}`);
  for (const id of ids) assert.ok(store.jobs.has(id), `job ${id} was acknowledged, and is lost`);
  await clock.advance(2_000);
  const silenced = asked.filter(([fate, { isDead }]) => fate.state === "pending" && !isDead);
  assert.is(silenced.length, 0, "a call never settles");
  await store.compareCounts();
  const counts = await last.jobs.counts();

  const stopping = working();
  for (const it of stopping) stop(it);
  await clock.advance(200_000);
  await quiet();
  for (const { machine, host, jobs, started, stopped, isAborted, events } of programs) {
    const { name } = machine;
    if (machine.isDead) continue;
    const { code } = (stopped?.reason ?? {}) as { code?: string };
    // Only host.abort() abandons here; what it left has ended meanwhile.
    if (started.state === "fulfilled" && !(isAborted && code === "ERR_FORCED_STOP")) {
      assert.is(stopped?.state, "fulfilled", `${name}: ${stopped?.reason ?? host.state}`);
    }
    assert.is(machine.pending, 0, `${name} has left a timer`);
    assert.is(machine.listening, 0, `${name} still listens`);
    assert.is(machine.opened, 0, `${name} has not closed the store`);
    const left = [...machine.runs, ...machine.past].filter((it) => it.fate === "running").length;
    assert.is(left, 0, `handlers of ${name} outlived its stop`);
    if ("details" in jobs) assert.is((jobs as JobServer).details.active, 0, name);
    checkEvents(name, events, store.complaints);
  }
  // What hears its signal ends with the grace; nothing else is in the way any more.
  for (const { machine: { name }, grace, stopTook = Infinity } of stopping) {
    const longest = grace + (stubborn > 0 ? 2 * holdTimeout : 0) + 1_000;
    assert.ok(stopTook <= longest, `the stop of ${name} took ${stopTook} of ${longest} ms`);
  }
  for (const [fate, id, { isDead }] of results) {
    const state = store.jobs.get(id)?.state as JobState;
    const isAnswered = fate.state !== "pending" || isDead;
    assert.ok(isAnswered, `result() of job ${id}, which is ${state}, never settles`);
  }
  assert.is(complaints.join("\n"), "");
  const runs = [...store.machines].reduce((sum, it) => sum + it.runs.size, 0);
  return `${clock.now()} ${JSON.stringify(counts)} ${runs} ${store.occurrences}`;
}

/** Nothing ends that has not begun, but for what was cancelled before it could. */
function checkEvents(name: string, events: readonly JobEvent[], complaints: string[]): void {
  let [begun, over] = [0, 0];
  for (const { type } of events) {
    if (type === "jobStarted") begun++;
    else if (/^job(Succeeded|Failed|Retrying)$/.test(type)) over++;
    if (over > begun) complaints.push(`${name} tells of more ends than of begins`);
  }
}

const runs = 100;

test("the module of patterns is there, so that no life waits for a file", async () => {
  assert.type(await readPattern("it", "* * * * *", undefined), "function");
});

test(`jobServer() loses nothing in ${runs} random lives`, () => playLives(runs, live));

test("jobServer() lives the same life again with the same seed", async () => {
  assert.is(await live(7), await live(7));
});

test.run();
