/**
 * Never two at once, nothing left behind: random services that fail, hang and settle late, in supervised
 * services and leaders, under a random lease, in a host that is stopped at a random moment.
 *
 * @module
 */

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  createHost,
  type HostedService,
  hostedService,
  type HostEvent,
  type Logger,
  type ServiceContext,
  type ServiceOrFactory,
  type ServiceRestartingEvent,
} from "../mod.ts";
import {
  leader,
  type Leadership,
  supervised,
  type SupervisedOptions,
} from "../src/supervision/mod.ts";
import { FakeClock, FakeLease } from "../src/testing/mod.ts";
import { Fate } from "./_fate.ts";
import { checkEvents, FuzzyIncarnations, type Wildness } from "./_fuzzy_incarnations.ts";
import { guard } from "./_guard.ts";
import { Listeners } from "./_listeners.ts";
import { playLives } from "./fuzz/lives.ts";
import { WatchedLease } from "./_watched_lease.ts";
import { Random } from "./fuzz/random.ts";

guard(test);

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** One random life; throws when a promise is broken. */
async function live(seed: number): Promise<string> {
  const random = new Random(seed);
  const clock = new FakeClock();
  const hostClock = clock.apart();
  const lease = new FakeLease({ clock });
  const watched = new WatchedLease(lease, {
    clock,
    wall: () => wall,
    duration: 15_000,
    renewDeadline: 10_000,
  });
  const wildness: Wildness = {
    failure: random.pick([0, 0.1, 0.3]),
    deafness: random.pick([0, 0.1, 0.4]),
    longest: random.pick([1_000, 40_000]),
  };
  const restart = {
    attempts: random.pick([1, 3, 10]),
    delay: random.pick([0, 100, 1_000]),
    maxDelay: 4_000,
    resetAfter: random.pick([500, 60_000]),
    on: random.pick(["failure", "always"]),
  } as const;
  const limits = {
    startTimeout: random.pick([Infinity, 50, 1_000]),
    stopTimeout: random.pick([0, 200, 10_000]),
    backgroundServiceExceptionBehavior: random.pick(["stopHost", "ignore"]),
  } as const;
  const common = { ...limits, random: () => random.next() };
  const all: FuzzyIncarnations[] = [];
  const terms: Leadership[] = [];
  /** What runs in the last term of a leader. */
  const ledBy = new Map<string, { readonly token: number; readonly its: FuzzyIncarnations }>();
  const events: HostEvent[] = [];
  /** What a supervised service has announced last. */
  const announced = new Map<string, ServiceRestartingEvent>();
  /** How many incarnations of one are still to come: it was announced, or it is the first. */
  const toCome = new Map<string, number>();
  const wrong: string[] = [];
  let wall = 0;
  /** When the lease was last taken from whoever had it. */
  let disturbed = -Infinity;
  /** Services whose own `stopping` was called. */
  const told = new Set<string>();
  /** What must hold at any time. */
  const look = (): void => {
    const believers = terms.filter(({ leading }) => leading());
    const isCalm = clock.now() - disturbed > 10_000;
    if (isCalm && believers.length > 1) wrong.push(`${believers.length} believe to lead`);
    for (const { token } of believers) {
      if (!watched.mayLead(token)) wrong.push(`${token} believes too much`);
    }
    if (host.state !== "stopped") watched.look();
    for (const it of all) it.look(limits.startTimeout);
    for (const { name, state } of host.services) {
      const term = ledBy.get(name);
      if (host.state !== "started" || state !== "started" || !term?.its.running) continue;
      // A restart that nobody saw in time, and what is left then.
      if (watched.isOverdue(term.token, 7_000)) {
        wrong.push(`${name} runs under a lease that ran out`);
      }
    }
  };

  const newStopAsked = (name: string) => (): boolean =>
    host.lifetime.stopping.aborted || told.has(name);

  const incarnations = (name: string): FuzzyIncarnations => {
    const it = new FuzzyIncarnations(name, random, clock, wildness);
    all.push(it);
    return it;
  };
  const newSupervised = (name: string, options: Partial<SupervisedOptions> = {}): HostedService => {
    const its = incarnations(name);
    let ended = -1;
    return supervised(name, {
      ...common,
      restart,
      firstStart: random.pick(["wait", "background"]),
      heartbeat: random.pick([undefined, 300]),
      make(context) {
        const next = announced.get(name);
        toCome.set(name, (toCome.get(name) ?? 1) - 1);
        if (toCome.get(name) && context.name === name) {
          its.complain("an incarnation that was not announced");
        }
        if (next && ended >= 0 && clock.now() - ended < next.delay) its.complain("made too early");
        if (next && next.attempt > restart.attempts) its.complain("an attempt too many");
        const made = its.make(context, newStopAsked(context.name));
        const dispose = (made as unknown as AsyncDisposable)[Symbol.asyncDispose];
        return Object.assign(made, {
          async [Symbol.asyncDispose]() {
            try {
              await dispose.call(made);
            } finally {
              ended = clock.now();
            }
          },
        });
      },
      ...options,
    });
  };
  const newLeader = (name: string): HostedService => {
    const its = incarnations(name);
    const inside = random.chance(0.3);
    return leader(name, {
      ...common,
      lease: {
        async acquire(signal, options) {
          const term = await watched.acquire(signal, options);
          return term && {
            ...term,
            release(given) {
              const led = ledBy.get(name);
              if (led?.token === term.token && led.its.running) its.complain("released too early");
              return term.release(given);
            },
          };
        },
      },
      now: () => clock.now() + wall,
      heartbeat: random.pick([undefined, 300]),
      make(context: ServiceContext, leadership) {
        const { token } = leadership;
        terms.push(leadership);
        look();
        if (inside) {
          const inner = newSupervised(`${name}/${token}`);
          ledBy.set(name, { token, its: all.at(-1) as FuzzyIncarnations });
          return inner;
        }
        ledBy.set(name, { token, its });
        return its.make(context, newStopAsked(context.name));
      },
    });
  };

  /** Whether an attempt has its number and its delay. */
  const heed = (event: ServiceRestartingEvent): void => {
    const { service, attempt, delay, time } = event;
    const last = announced.get(service);
    if (service.startsWith("l")) return; // of several, one in each term
    announced.set(service, event);
    toCome.set(service, (toCome.get(service) ?? 1) + 1);
    const longest = Math.min(restart.delay * 2 ** (attempt - 1), restart.maxDelay);
    if (attempt === 0) {
      if (delay !== restart.delay) wrong.push(`${delay} ms after a clean end`);
      announced.set(service, { ...event, attempt: last?.attempt ?? 0 });
      return;
    }
    if (delay > longest || delay < Math.floor(longest / 2)) wrong.push(`${attempt}: ${delay} ms`);
    const isNext = attempt === (last?.attempt ?? 0) + 1;
    const isReset = attempt === 1 && time - (last?.time ?? 0) >= restart.resetAfter;
    if (!isNext && !isReset) wrong.push(`attempt ${attempt} after ${last?.attempt}`);
  };

  const services: (ServiceOrFactory | readonly ServiceOrFactory[])[] = [];
  const count = 1 + random.below(3);
  for (let i = 0; i < count; i++) {
    const service = random.chance(0.5) ? newSupervised(`s${i}`) : newLeader(`l${i}`);
    const made = random.chance(0.2) ? () => service : service;
    services.push(random.chance(0.3) ? [made, hostedService("beside", {})] : made);
  }
  if (random.chance(0.4)) {
    const ms = random.pick([10, 1_000]);
    const slow = (): Promise<void> => new Promise((resolve) => clock.setTimeout(resolve, ms));
    services.push(hostedService("slow", { start: slow, stop: slow }));
  }
  if (random.chance(0.1)) {
    services.push(hostedService("failing", { start: () => Promise.reject(new Error("No")) }));
  }
  const shutdownTimeout = random.pick([0, 100, 3_000, 25_000]);
  const abandonTimeout = random.pick([0, 500, 2_000]);
  const host = createHost(services, {
    clock: hostClock,
    logger: silent,
    hostLifetime: false,
    shutdownTimeout,
    abandonTimeout,
    drainDelay: random.pick([0, 0, 700]),
    startupTimeout: random.pick([Infinity, Infinity, 400]),
    stopWhenIdle: random.chance(0.3),
    onEvent(event) {
      events.push(event);
      if (event.type === "serviceRestarting") heed(event);
      if (event.type === "serviceBegan" && event.phase === "stopping") told.add(event.service);
    },
  });
  const { stopping, stopped, started } = host.lifetime;
  const listeners = [stopping, stopped, started].map((it) => new Listeners(it));

  const trouble = (): void => {
    const call = random.pick(["acquire", "renew", "release"]);
    const delay = random.pick([0, 0, 100, 6_000, Infinity]);
    lease.trouble(call, {
      delay,
      late: random.chance(0.3) && delay < Infinity,
      ...random.chance(0.5) ? { error: new Error("Refused"), done: random.chance(0.3) } : {},
      times: 1 + random.below(8),
    });
  };

  const run = new Fate(host.run());
  const steps = random.below(12);
  for (let step = 0; step < steps; step++) {
    await clock.advance(random.pick([0, 1, 50, 400, 1_900, 2_000, 7_000, 15_000]));
    look();
    if (random.chance(0.3)) trouble();
    if (random.chance(0.2)) {
      if (random.chance(0.5)) lease.lose();
      else lease.steal("another", random.pick([1_000, 30_000]));
      disturbed = clock.now();
    }
    if (random.chance(0.05)) wall += random.pick([-60_000, 8_000, 60_000]);
  }

  // Whoever has announced another one has made it, but for those that failed for good.
  for (const { name, state } of host.services) {
    const { time = 0, delay = 0 } = announced.get(name) ?? {};
    const isDue = time + delay + 60_000 < clock.now();
    if (host.state === "started" && state === "started" && isDue) {
      assert.ok(!toCome.get(name), `${name} has not come back`);
    }
  }

  const begun = clock.now();
  const how = random.pick(["stopApplication", "stop", "abort"]);
  if (how === "stop") void host.stop().catch(() => {});
  else if (how === "abort") host.abort();
  else host.lifetime.stopApplication();
  if (random.chance(0.2)) {
    await clock.advance(random.below(200));
    host.abort();
  }
  if (random.chance(0.2)) trouble();
  await clock.advance(0);
  look();
  // The rollback of a start has limits of its own.
  await clock.advance(abandonTimeout + shutdownTimeout + abandonTimeout + 1);
  assert.not.equal(run.state, "pending", "the stop has no end");
  assert.is(host.state, "stopped");
  assert.is(hostClock.pending, 0, "a timer is left");
  if (events.some(({ type }) => type === "graceEnded")) all.forEach((it) => it.lookAtEnd());
  await clock.advance(500_000); // what is deaf ends in time of its own
  assert.is(hostClock.pending, 0, "a timer is set after the end");
  for (const it of all) wrong.push(...it.check());
  assert.ok(listeners.every(({ now }) => now === 0), "a listener is left");
  assert.ok(terms.every(({ leading }) => !leading()), "somebody believes to lead");
  for (const { token, released } of watched.grants.values()) {
    const isUsed = terms.some((term) => term.token === token);
    if (!isUsed && !released) wrong.push(`term ${token} was neither used nor released`);
  }
  wrong.push(...checkEvents(events), ...watched.complaints);
  assert.is(wrong.length, 0, wrong.join());
  return `${clock.now() - begun} ${events.length} ${
    JSON.stringify(lease.log.map((it) => it.length))
  }`;
}

const runs = 1_000;

test(`supervised() and leader() leave nothing behind in ${runs} random lives`, () =>
  playLives(runs, live));

test("supervised() and leader() live the same life again with the same seed", async () => {
  assert.is(await live(7), await live(7));
});

test.run();
