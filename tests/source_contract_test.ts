/** The contract of a source: good ones pass, and each planted fault is found by the check that is to. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Delivery, Source } from "../src/consumers/mod.ts";
import { Inbox } from "../src/consumers/mod.ts";
import {
  FakeClock,
  FakeSource,
  type FakeSourceOptions,
  sourceContract,
  type SourceContractOptions,
  type SourceFixture,
  type SourceTrait,
} from "../src/testing/mod.ts";
import { rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";

guard(test);

const quick: SourceContractOptions = { patience: 2_000, silence: 100, holdTimeout: 300 };

/** What a fault has to work with. */
interface Place {
  readonly queue: FakeSource<string>;
  readonly dead: string[];
}

/** Changes a good source. */
type Fault = (source: FakeSource<string>, place: Place) => Source<string>;

const good: Fault = (source) => source;

/** The fixture of a FakeSource, and whatever a fault makes of it. */
function fixture(options: FakeSourceOptions, fault: Fault): SourceFixture<string> {
  const clock = new FakeClock();
  const queue = new FakeSource<string>([], { ...options, clock });
  const place: Place = { queue, dead: [] };
  const opened = new Set<FakeSource<string>>();
  const inner = new Map<Source<string>, FakeSource<string>>();
  return {
    clock,
    open() {
      const source = queue.another();
      opened.add(source);
      const faulty = fault(source, place);
      inner.set(faulty, source);
      return faulty;
    },
    send: (text, headers) => queue.send(text, { headers }),
    deadLetters: () =>
      queue.settled.filter(({ how }) => how === "reject").map(({ value }) => value),
    breakDown: () => opened.forEach((it) => it.breakDown()),
    repair: () => opened.forEach((it) => it.repair()),
    kill: (source) => inner.get(source)?.breakDown(),
  };
}

const all: readonly SourceTrait[] = [
  "counts",
  "shares",
  "headers",
  "deadLetters",
  "outages",
  "crashes",
];

/** Kinds of engines, by what they can. */
const kinds: Readonly<Record<string, [FakeSourceOptions, readonly SourceTrait[]]>> = {
  plain: [{ counts: false }, ["shares"]],
  "of a connection": [{}, [...all, "orders"]],
  "that delays": [{ delays: true }, [...all, "delays", "orders"]],
  "of leases": [{ hold: "lease", holdTimeout: 300 }, [...all, "lease", "orders"]],
  "of leases that delays": [
    { hold: "lease", holdTimeout: 300, delays: true, pollInterval: 10 },
    [...all, "lease", "delays"],
  ],
};

for (const [kind, [options, can]] of Object.entries(kinds)) {
  for (const { name, run } of sourceContract(() => fixture(options, good), { ...quick, can })) {
    test(`a good source, ${kind}: ${name}`, run);
  }
}

/** A source that is asked for more than a consumer has room for says so. */
const strict: Fault = (source) => {
  let first: number | undefined;
  const held = new Set<Delivery<string>>();
  source.alter = (delivery) => {
    held.add(delivery);
    const settled = <R>(result: R): R => {
      held.delete(delivery);
      return result;
    };
    return {
      ...delivery,
      ack: async () => settled(await delivery.ack()),
      release: async (options) => settled(await delivery.release(options)),
      reject: async (error) => settled(await delivery.reject(error)),
    };
  };
  return altered(source, {
    async receive(signal, options) {
      first ??= options.max;
      if (options.max + held.size > first) throw new Error("Asked for more than there is room for");
      return await source.receive(signal, options);
    },
  });
};

for (
  const { name, run } of sourceContract(
    () => fixture({}, strict),
    { ...quick, can: ["counts", "shares", "headers", "deadLetters", "orders"] },
  )
) {
  test(`a good source, that counts what is held: ${name}`, run);
}

/** An engine that pushes, with prefetch, as AMQP has it: of an Inbox. */
function pushing(queue: FakeSource<string>): Source<string> {
  let inbox = new Inbox<string>({ capacity: 2 });
  const intake = new AbortController();
  let subscription: Promise<void> | undefined;
  let held = 0;
  let room = (): void => {};
  const settled = <R>(result: R): R => {
    held--;
    room();
    return result;
  };
  const subscribe = async (prefetch: number): Promise<void> => {
    while (!intake.signal.aborted) {
      while (held >= prefetch && !intake.signal.aborted) {
        await new Promise<void>((resolve) => room = resolve);
      }
      for (const delivery of await queue.receive(intake.signal, { max: 1 })) {
        held++;
        inbox.push({
          ...delivery,
          ack: async () => settled(await delivery.ack()),
          release: async (options) => settled(await delivery.release(options)),
          reject: async (error) => settled(await delivery.reject(error)),
        });
      }
    }
  };
  return {
    pollInterval: 0,
    receive(signal, options) {
      if (!subscription) {
        inbox = new Inbox({ capacity: options.max });
        subscription = subscribe(options.max);
      }
      return inbox.receive(signal, options);
    },
    async stopping() {
      intake.abort();
      room();
      await subscription;
      await inbox.stopping();
    },
  };
}

for (
  const { name, run } of sourceContract(
    () => fixture({}, (source) => pushing(source)),
    { ...quick, can: ["counts", "shares", "headers", "deadLetters", "orders"] },
  )
) {
  test(`a good source, that pushes: ${name}`, run);
}

/** A source with some members replaced. */
function altered(source: FakeSource<string>, members: Partial<Source<string>>): Source<string> {
  return {
    delays: source.delays,
    pollInterval: source.pollInterval,
    start: (signal, context) => source.start(signal, context),
    stopping: () => source.stopping(),
    stop: () => source.stop(),
    health: () => source.health(),
    receive: (signal, options) => source.receive(signal, options),
    ...members,
  };
}

/** A fault in the deliveries. */
function delivers(
  change: (delivery: Delivery<string>, place: Place) => Partial<Delivery<string>>,
): Fault {
  return (source, place) => {
    source.alter = (delivery) => ({ ...delivery, ...change(delivery, place) });
    return source;
  };
}

/** A fault in the source. */
function sourceWith(
  members: (source: FakeSource<string>, place: Place) => Partial<Source<string>>,
): Fault {
  return (source, place) => altered(source, members(source, place));
}

const hang = (): Promise<never> => new Promise<never>(() => {});
const shared = new AbortController().signal;

/** Answers with nothing when a signal aborts. */
function once(signal: AbortSignal): Promise<readonly never[]> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve([])));
}

interface Planted {
  /** What is wrong. */
  readonly fault: string;
  readonly plant: Fault;
  /** The kind of source in which it is planted. */
  readonly kind: string;
  /** The check that has to find it. */
  readonly foundBy: string;
  /** What the message has to say. */
  readonly says: string;
}

const connection = "of a connection";
const leases = "of leases";
const delays = "that delays";

const table: readonly Planted[] = [
  {
    fault: "says that it delays, and cannot",
    plant: sourceWith(() => ({ delays: true })),
    kind: connection,
    foundBy: "a source and its deliveries have what they say, and no more",
    says: "delays is false",
  },
  {
    fault: "counts from 0",
    plant: delivers(({ attempt }) => ({ attempt: attempt! - 1 })),
    kind: connection,
    foundBy: "a source and its deliveries have what they say, and no more",
    says: "attempt is a whole number from 1",
  },
  {
    fault: "gives all deliveries one signal",
    plant: delivers(() => ({ lost: shared })),
    kind: connection,
    foundBy: "a source and its deliveries have what they say, and no more",
    says: "each delivery has a signal of its own",
  },
  {
    fault: "is to be extended, and has no extend()",
    plant: delivers(() => ({ extendEvery: 100, extend: undefined as never })),
    kind: connection,
    foundBy: "a source and its deliveries have what they say, and no more",
    says: "extendEvery is more than 0, and there is extend()",
  },
  {
    fault: "takes no notice of max",
    plant: sourceWith((source) => ({ receive: (signal) => source.receive(signal, { max: 3 }) })),
    kind: connection,
    foundBy: "receive() answers with no more than max, and with all in the end",
    says: "at most max (2)",
  },
  {
    fault: "delivers what is held once more",
    plant: sourceWith((source) => {
      let again: readonly Delivery<string>[] = [];
      return {
        async receive(signal, options) {
          const repeated = again.slice(0, options.max);
          again = [];
          if (repeated.length) return repeated;
          return again = await source.receive(signal, options);
        },
      };
    }),
    kind: connection,
    foundBy: "receive() answers with what was sent, once",
    says: "what is held is not delivered again",
  },
  {
    fault: "is not woken by what comes later",
    plant: sourceWith((source) => ({
      receive: (signal, options) =>
        source.waiting.length > 0 ? source.receive(signal, options) : once(signal),
    })),
    kind: connection,
    foundBy: "receive() waits for what comes later, or answers with nothing",
    says: "1 values are delivered, but there were 0",
  },
  {
    fault: "delivers what another one holds",
    plant: sourceWith((source, { queue }) => ({
      async receive(signal, options) {
        const [held] = queue.held;
        if (source.waiting.length > 0 || held === undefined) return source.receive(signal, options);
        return [{ value: held, attempt: 1, ack() {}, release() {}, reject() {} }];
      },
    })),
    kind: connection,
    foundBy: "no other source gets what one holds",
    says: "nobody else gets what is held",
  },
  {
    fault: "does not ack",
    plant: delivers((delivery) => ({ ack: () => delivery.release({ delay: 0 }) })),
    kind: connection,
    foundBy: "what was acked never comes again",
    says: "what was acked is not delivered again",
  },
  {
    fault: "acks that take effect only while it is started",
    plant: delivers((delivery, { queue }) => ({
      async ack() {
        await delivery.ack();
        queue.send(`${delivery.value}`); // another process finds it again
      },
    })),
    kind: "plain",
    foundBy: "what was acked never comes again",
    says: "is not delivered again",
  },
  {
    fault: "fails to ack",
    plant: delivers(() => ({ ack: () => Promise.reject(new Error("Closed")) })),
    kind: connection,
    foundBy: "what was acked never comes again",
    says: "ack() fulfils, but it failed: Error: Closed",
  },
  {
    fault: "forgets what is released",
    plant: delivers((delivery) => ({ release: () => delivery.ack() })),
    kind: connection,
    foundBy: "what was released comes again, unharmed",
    says: "1 values are delivered, but there were 0",
  },
  {
    fault: "acks all that came before (cumulative)",
    plant: (source) => {
      const before: Delivery<string>[] = [];
      source.alter = (delivery) => {
        before.push(delivery);
        return {
          ...delivery,
          async ack() {
            for (const it of before.splice(0, before.indexOf(delivery) + 1)) await it.ack();
          },
        };
      };
      return source;
    },
    kind: connection,
    foundBy: "each delivery settles its own value, whatever the order",
    says: "1 values are delivered",
  },
  {
    fault: "forgets failed attempts",
    plant: (source) => {
      source.alter = (delivery) => ({ ...delivery, attempt: 1 });
      return source;
    },
    kind: connection,
    foundBy: "an attempt that failed counts",
    says: "attempt is 2 or more",
  },
  {
    fault: "keeps nothing back",
    plant: delivers((delivery) => ({
      release: (options) => delivery.release({ ...options, delay: 0 }),
    })),
    kind: delays,
    foundBy: "what is released with a delay is kept back that long, and nothing else is",
    says: "comes first",
  },
  {
    fault: "keeps all back that comes after a delay",
    plant: sourceWith((source) => ({
      async receive(signal, options) {
        const blocked = source.log.some((line) => /^release late [1-9]/.test(line));
        return blocked && !source.waiting.includes("late") ? [] : source.receive(signal, options);
      },
    })),
    kind: delays,
    foundBy: "what is released with a delay is kept back that long, and nothing else is",
    says: "what is not kept back comes within",
  },
  {
    fault: "releases what is rejected",
    plant: delivers((delivery) => ({ reject: () => delivery.release({ delay: 0 }) })),
    kind: connection,
    foundBy: "what was rejected never comes again",
    says: "what was rejected is gone",
  },
  {
    fault: "drops what is rejected",
    plant: delivers((delivery) => ({ reject: () => delivery.ack() })),
    kind: connection,
    foundBy: "what was rejected is with the dead letters",
    says: 'the dead letters are: "bad", but it was nothing',
  },
  {
    fault: "forgets the headers",
    plant: delivers(() => ({ headers: undefined })),
    kind: connection,
    foundBy: "what travels beside a value is in its headers, each time",
    says: "the header traceparent is 00-1",
  },
  {
    fault: "delivers the newest first",
    plant: sourceWith((source) => ({
      receive: async (signal, options) => {
        if (source.waiting.length < 2) return source.receive(signal, options);
        const many = await source.receive(signal, { max: 9 });
        const [last, ...rest] = [...many].reverse();
        for (const delivery of rest.reverse()) await delivery.release({ delay: 0 });
        return [last as Delivery<string>];
      },
    })),
    kind: connection,
    foundBy: "deliveries come in the order in which values were sent",
    says: 'the order is "a", "b"',
  },
  {
    fault: "takes more than it was asked for, and keeps it",
    plant: hoarding(true),
    kind: connection,
    foundBy: "a source takes no more from others than it was asked for",
    says: "3 values are delivered",
  },
  {
    fault: "does not give back what it has buffered",
    plant: hoarding(false),
    kind: connection,
    foundBy: "stopping() gives back what is buffered, and not what is held",
    says: "values are delivered",
  },
  {
    fault: "receives beyond the abort",
    plant: sourceWith((source) => ({
      receive: (_signal, options) => source.receive(new AbortController().signal, options),
      stopping() {},
    })),
    kind: connection,
    foundBy: "receive() settles when its signal aborts, and nothing is lost by it",
    says: "receive() settles when its signal aborts",
  },
  {
    fault: "loses what arrives with the abort",
    plant: sourceWith((source) => ({
      async receive(signal, options) {
        // Takes it, and looks at its signal only afterwards.
        const deliveries = await source.receive(new AbortController().signal, options);
        signal.throwIfAborted();
        return deliveries;
      },
    })),
    kind: connection,
    foundBy: "receive() settles when its signal aborts, and nothing is lost by it",
    says: "the next process gets all of it",
  },
  {
    fault: "hangs in stopping() while receive() is pending",
    plant: sourceWith((source) => {
      let pending = false;
      return {
        async receive(signal, options) {
          pending = true;
          const answer = await source.receive(signal, options);
          pending = false;
          return answer;
        },
        stopping: () => pending ? hang() : source.stopping(),
      };
    }),
    kind: connection,
    foundBy: "stopping() comes while receive() is pending, and both settle",
    says: "stopping() settles",
  },
  {
    fault: "closes its connection in stopping()",
    plant: (source) => {
      let closed = false;
      const open = <R>(result: () => R): R => {
        if (closed) throw new Error("The channel is closed");
        return result();
      };
      source.alter = (delivery) => ({
        ...delivery,
        ack: async () => await open(() => delivery.ack()),
        release: async (options) => await open(() => delivery.release(options)),
        reject: async (error) => await open(() => delivery.reject(error)),
      });
      return altered(source, {
        async stopping() {
          await source.stopping();
          closed = true;
        },
      });
    },
    kind: connection,
    foundBy: "what is held may be settled after stopping()",
    says: "The channel is closed",
  },
  {
    fault: "hangs in a start that is cancelled",
    plant: sourceWith((source) => ({
      start: (signal, context) => signal.aborted ? hang() : source.start(signal, context),
    })),
    kind: connection,
    foundBy: "start() settles when its signal has aborted",
    says: "start() settles",
  },
  {
    fault: "takes a value for done when it is delivered (at most once)",
    plant: (source) => {
      source.alter = (delivery) => {
        void delivery.ack();
        return delivery;
      };
      return source;
    },
    kind: connection,
    foundBy: "what a dead process held comes again",
    says: "the next process gets what the dead one held",
  },
  {
    fault: "is always healthy",
    plant: sourceWith(() => ({ health: () => true })),
    kind: connection,
    foundBy: "health() says whether the engine can be reached",
    says: "health() fails in an outage",
  },
  {
    fault: "does not connect anew",
    plant: sourceWith((source) => {
      let failure: { error: unknown } | undefined;
      return {
        async receive(signal, options) {
          if (failure) throw failure.error;
          try {
            return await source.receive(signal, options);
          } catch (error) {
            throw (failure = { error }).error;
          }
        },
      };
    }),
    kind: connection,
    foundBy: "an outage ends: the same source delivers again, and what it held is not lost",
    says: "1 values are delivered",
  },
  {
    fault: "does not say what it has lost",
    plant: delivers((delivery) => ({
      lost: undefined,
      extend: () => delivery.extend?.() && undefined,
    })),
    kind: connection,
    foundBy: "an outage ends: the same source delivers again, and what it held is not lost",
    says: "lost aborts, or extend() answers false",
  },
  {
    fault: "extends nothing",
    plant: delivers(() => ({ extend: () => true })),
    kind: leases,
    foundBy: "a lease that is extended holds",
    says: "what is extended is not delivered again",
  },
  {
    fault: "extends whatever anybody holds",
    plant: delivers(() => ({ lost: undefined, extend: () => true })),
    kind: leases,
    foundBy: "a lease that is not extended runs out, and says so",
    says: "extend() answers false",
  },
  {
    fault: "holds for ever",
    plant: (source) => {
      const held = new Map<string, Delivery<string>>();
      return altered(source, {
        async receive(signal, options) {
          const deliveries = await source.receive(signal, options);
          // What comes again is kept back as long as an earlier delivery was not settled.
          const fresh: Delivery<string>[] = [];
          for (const delivery of deliveries) {
            if (held.has(delivery.value)) continue;
            held.set(delivery.value, delivery);
            fresh.push(delivery);
          }
          return fresh;
        },
      });
    },
    kind: leases,
    foundBy: "a lease that is not extended runs out, and says so",
    says: "1 values are delivered",
  },
  {
    fault: "releases whatever anybody holds",
    plant: (source) => {
      const newest = new Map<string, Delivery<string>>();
      source.alter = (delivery) => {
        newest.set(delivery.value, delivery);
        return {
          ...delivery,
          release: (options) => newest.get(delivery.value)?.release(options),
        };
      };
      return source;
    },
    kind: leases,
    foundBy: "a release of what was lost takes it from nobody",
    says: "a value stays with whoever holds it now",
  },
];

/** Takes five values, and hands out those it was asked for. */
function hoarding(givesBack: boolean): Fault {
  return sourceWith((source) => {
    const buffer: Delivery<string>[] = [];
    return {
      async receive(signal, options) {
        if (!buffer.length) buffer.push(...await source.receive(signal, { max: 5 }));
        return buffer.splice(0, options.max);
      },
      async stopping() {
        await source.stopping();
        if (givesBack) {
          for (const delivery of buffer.splice(0)) await delivery.release({ delay: 0 });
        }
      },
    };
  });
}

for (const { fault, plant, kind, foundBy, says } of table) {
  test(`the contract finds a source that ${fault}`, async () => {
    const [options, can] = kinds[kind]!;
    const checks = sourceContract(() => fixture(options, plant), { ...quick, can });
    const check = checks.find(({ name }) => name === foundBy);
    assert.ok(check, `there is no check "${foundBy}"`);
    const { message } = await rejection(check.run());
    assert.match(message, says);
    assert.match(message, /^Expected that [^]*, but [^]*; look at /);
  });
}

test("each check of the contract finds a fault", () => {
  const can: SourceTrait[] = [...all, "delays", "lease", "orders"];
  const found = new Set(table.map(({ foundBy }) => foundBy));
  for (const { name } of sourceContract(() => fixture({}, good), { ...quick, can })) {
    assert.ok(found.has(name), name);
  }
});

test("the contract closes its fixture, and stops what it has opened, however a check ends", async () => {
  const log: string[] = [];
  const make = (): SourceFixture<string> => ({
    ...fixture({}, (source) => altered(source, { stop: () => log.push("stop") })),
    close: () => log.push("close"),
  });
  const checks = sourceContract(make, quick);
  for (const { run } of checks) await run().catch(() => {});
  assert.is(log.filter((it) => it === "close").length, checks.length);
  assert.is(log.at(-1), "close");
  assert.ok(log.includes("stop"));
});

test("sourceContract() refuses what is no trait", () => {
  const error = thrown(() => sourceContract(() => fixture({}, good), { can: ["count" as never] }));
  assert.instance(error, TypeError);
  assert.match(error.message, "Cannot use the trait of a source: expected counts or delays");
});

test("sourceContract() says what a trait takes, and refuses times that are none", async () => {
  const make = (): SourceFixture<string> => {
    const { breakDown: _breakDown, kill: _kill, ...rest } = fixture({}, good);
    return rest;
  };
  const needs: readonly [SourceTrait, string][] = [
    ["outages", `Cannot use the fixture's breakDown, as "outages" is in can: expected function`],
    ["crashes", `Cannot use the fixture's kill, as "crashes" is in can: expected function`],
  ];
  for (const [trait, message] of needs) {
    const messages = await Promise.all(
      sourceContract(make, { can: ["counts", trait] }).map(({ run }) =>
        run().then(() => "", (error) => error.message)
      ),
    );
    assert.ok(messages.some((it) => it.startsWith(message)), messages.join());
  }
  const lease = thrown(() => sourceContract(make, { can: ["lease"] }));
  assert.match(lease.message, 'Cannot use holdTimeout, as "lease" is in can: expected number');
  for (const [name, value] of [["patience", Infinity], ["silence", -1]] as const) {
    const error = thrown(() => sourceContract(make, { [name]: value }));
    assert.instance(error, RangeError);
    assert.match(error.message, `Cannot use sourceContract.${name}: `);
  }
});

test.run();
