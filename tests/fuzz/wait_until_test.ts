/**
 * Random work handed over at random moments to a host that stops: all of it is awaited or named,
 * within the limits, and nothing older is stopped under it.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  createHost,
  type Host,
  hostedService,
  type HostEvent,
  type ServiceContext,
} from "../../mod.ts";
import { FakeClock } from "../../src/testing/mod.ts";
import { playLives } from "./lives.ts";
import { Random } from "./random.ts";

/** One piece of work. */
interface Piece {
  /** Whose it is: the place of a service, or -1 for the host's own. */
  readonly owner: number;
  readonly at: number;
  /** When it is to end by itself. */
  readonly end: number;
  readonly error: Error | undefined;
  state: "waiting" | "open" | "ended";
}

test("waitUntil() work is awaited or named, whenever it is handed over", () =>
  playLives(1_500, (seed) => live(new Random(seed))));

async function live(random: Random): Promise<void> {
  const clock = new FakeClock();
  const timers = clock.apart();
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => clock.setTimeout(resolve, ms));
  const count = 1 + random.below(3);
  const stopAt = random.pick([0, 10, 50]);
  const shutdownTimeout = random.pick([20, 100, 1_000]);
  const abandonTimeout = random.pick([0, 10, 40]);
  const abortAt = random.chance(0.2) ? stopAt + random.below(100) : Infinity;
  const forcedAt = Math.min(stopAt + shutdownTimeout, abortAt);
  const cut = stopAt + shutdownTimeout + abandonTimeout;
  const pieces = Array.from({ length: random.below(6) }, (_, index): Piece => {
    const at = random.below(150);
    return {
      owner: random.below(count + 1) - 1,
      at,
      end: at + random.pick([0, 5, 30, 100, 5_000]),
      error: random.chance(0.3) ? new Error(`piece ${index}`) : undefined,
      state: "waiting",
    };
  });

  const contexts: ServiceContext[] = [];
  const services = Array.from({ length: count }, (_, index) => {
    const lasts = random.pick([0, 0, 5, 60, 5_000]);
    return hostedService(`s${index}`, {
      start: (_, context) => (contexts[index] = context),
      async stop() {
        if (clock.now() < forcedAt) {
          const open = pieces.filter(({ owner, state, at }) =>
            state === "open" && owner > index && at < clock.now()
          );
          assert.equal(open, [], `s${index} is stopped while work of a newer service is open`);
        }
        await sleep(lasts);
      },
    });
  });
  const events: HostEvent[] = [];
  const host = createHost(services, {
    clock: timers,
    logger: false,
    shutdownTimeout,
    abandonTimeout,
    onEvent: (event) => events.push(event),
  });
  await host.start();

  for (const piece of pieces) clock.setTimeout(() => hand(host, contexts, piece, sleep), piece.at);
  let outcome: { readonly at: number; readonly errors: readonly unknown[] } | undefined;
  const settled = (errors: readonly unknown[]): void =>
    void (outcome = { at: clock.now(), errors });
  clock.setTimeout(() => {
    host.stop().then(() => settled([]), (error) => {
      settled(error instanceof AggregateError ? error.errors : [error]);
    });
  }, stopAt);
  if (abortAt < Infinity) clock.setTimeout(() => host.abort(), abortAt);
  await clock.advance(10_000);

  assert.ok(outcome, "the stop never settles");
  assert.ok(outcome.at <= cut, `the stop settles at ${outcome.at}, the limit is ${cut}`);
  assert.is(timers.pending, 0);
  const end = events.findIndex(({ type }) => type === "hostStopped");
  const told = events.filter((event) => "phase" in event && event.phase === "waitUntil");
  const began = told.filter(({ type }) => type === "serviceBegan");
  assert.is(began.length, pieces.length);
  const abandoned = told.filter(({ type }) => type === "serviceAbandoned");
  for (const event of abandoned) {
    assert.ok(event.time >= forcedAt, `abandoned at ${event.time}, before ${forcedAt}`);
    const { error } = event as { readonly error?: unknown };
    assert.ok(outcome.errors.length > 0 && error instanceof Error);
  }
  // What was handed over before the end has ended before it, one way or another.
  const before = events.slice(0, end);
  const ends = before.filter((event) =>
    "phase" in event && event.phase === "waitUntil" &&
    /^service(Done|Failed|Abandoned)$/.test(event.type)
  );
  const handedBefore = before.filter((event) => began.includes(event)).length;
  assert.is(ends.length, handedBefore, "some work is open when the host has stopped");
  // Each failure is told exactly once: in time, or late.
  for (const { error } of pieces) {
    if (!error) continue;
    const reports = told.filter((event) => "error" in event && event.error === error);
    assert.is(reports.length, 1, `${error.message} is told ${reports.length} times`);
  }
}

function hand(
  host: Host,
  contexts: readonly ServiceContext[],
  piece: Piece,
  sleep: (ms: number) => Promise<void>,
): void {
  const keeper = piece.owner < 0 ? host : contexts[piece.owner]!;
  piece.state = "open";
  keeper.waitUntil(
    sleep(piece.end - piece.at).then(() => {
      piece.state = "ended";
      if (piece.error) throw piece.error;
    }),
  );
}

test.run();
