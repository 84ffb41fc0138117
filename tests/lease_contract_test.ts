/** The contract of a lease: a good one passes, and each planted fault is found by the check that is to. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  FakeClock,
  FakeLease,
  type Lease,
  leaseContract,
  type LeaseFixture,
  type Term,
} from "../src/testing/mod.ts";
import { rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";

guard(test);

type Fault = (lease: FakeLease, clock: FakeClock) => Lease;

function fixture(fault: Fault): LeaseFixture {
  const clock = new FakeClock();
  const lease = fault(new FakeLease({ clock }), clock);
  return { clock, open: () => lease };
}

const quick = { patience: 2_000, duration: 100 };

for (const { name, run } of leaseContract(() => fixture((lease) => lease), quick)) {
  test(`a good lease: ${name}`, run);
}

/** A lease whose terms are changed. */
function terms(change: (term: Term, lease: FakeLease) => Partial<Term>): Fault {
  return (lease) => ({
    async acquire(signal, options) {
      const term = await lease.acquire(signal, options);
      return term && { ...term, ...change(term, lease) };
    },
  });
}

const hang = (): Promise<never> => new Promise<never>(() => {});

/** A lease that is a row of its own, and does in its calls what a fault makes of it. */
interface Row {
  holder: string | undefined;
  until: number;
  token: number;
}

function row(
  change: Partial<{
    acquires(row: Row, holder: string, now: number): boolean;
    owns(row: Row, holder: string, token: number): boolean;
    lag: number;
  }>,
): Fault {
  const {
    acquires = (it, _holder, now) => it.holder === undefined || now >= it.until,
    owns = (it, holder, token) => it.holder === holder && it.token === token,
  } = change;
  return (_lease, clock) => {
    const it: Row = { holder: undefined, until: 0, token: 0 };
    return {
      async acquire(_signal, { holder, duration }) {
        const free = acquires(it, holder, clock.now());
        if (change.lag) await new Promise<void>((go) => clock.setTimeout(go, change.lag!));
        if (!free) return undefined;
        Object.assign(it, { holder, until: clock.now() + duration, token: it.token + 1 });
        const { token } = it;
        return {
          token,
          async renew(_signal, { duration }) {
            if (!owns(it, holder, token) || clock.now() >= it.until) return false;
            it.until = clock.now() + duration;
            return true;
          },
          async release() {
            if (owns(it, holder, token)) it.holder = undefined;
          },
        };
      },
    };
  };
}

for (const { name, run } of leaseContract(() => fixture(row({})), quick)) {
  test(`a good lease of a row: ${name}`, run);
}

const table: readonly {
  readonly fault: string;
  readonly plant: Fault;
  readonly foundBy: string;
  readonly says: string;
}[] = [
  {
    fault: "is given to everybody",
    plant: row({ acquires: () => true }),
    foundBy: "a free lease is given, and to one alone",
    says: "acquire() answers undefined: somebody holds it",
  },
  {
    fault: "looks first and takes later",
    plant: row({ lag: 1 }),
    foundBy: "of many that ask at the same time one gets it",
    says: "one gets it, but 8 did",
  },
  {
    fault: "has one token for all terms",
    plant: terms(() => ({ token: 7 })),
    foundBy: "what was released is free at once, and the token grows",
    says: "the token grows with each term, but 7 came after 7",
  },
  {
    fault: "has a token that is no whole number",
    plant: terms(({ token }) => ({ token: token / 2 })),
    foundBy: "a free lease is given, and to one alone",
    says: "token is a whole number",
  },
  {
    fault: "never runs out",
    plant: row({ acquires: (it) => it.holder === undefined }),
    foundBy: "it runs out after its duration, and the token grows",
    says: "acquire() answers with a term: its duration is over",
  },
  {
    fault: "runs out too early",
    plant: (lease) => ({
      acquire: (signal, { holder, duration }) =>
        lease.acquire(signal, { holder, duration: duration * 0.3 }),
    }),
    foundBy: "it runs out after its duration, and the token grows",
    says: "its duration is not over",
  },
  {
    fault: "is not held longer by a renew",
    plant: terms(() => ({ renew: () => Promise.resolve(true) })),
    foundBy: "renew() holds it for another duration from then",
    says: "it was renewed",
  },
  {
    fault: "answers nothing to a renew",
    plant: terms((term) => ({
      renew: async (signal, options) => void (await term.renew(signal, options)) as never,
    })),
    foundBy: "renew() holds it for another duration from then",
    says: "renew() answers true: it is held, but it was undefined",
  },
  {
    fault: "is renewed by whoever once had it",
    plant: terms((term, lease) => ({
      renew: async (signal, options) =>
        await term.renew(signal, options) || lease.holder !== undefined,
    })),
    foundBy: "renew() answers false when somebody else has it, and leaves it to them",
    says: "renew() answers false: somebody else has it",
  },
  {
    fault: "is taken by a renew when it is free",
    plant: terms((term, lease) => ({
      async renew(signal, options) {
        if (!lease.holder) lease.steal("renewed", options.duration);
        else return await term.renew(signal, options);
        return true;
      },
    })),
    foundBy: "renew() answers false when it was released",
    says: "renew() answers false: it was released",
  },
  {
    fault: "knows a term by its holder",
    plant: row({ owns: (it, holder) => it.holder === holder }),
    foundBy: "a term of the same holder is another one",
    says: "it is an older term",
  },
  {
    fault: "is released by whoever once had it",
    plant: terms((_term, lease) => ({ release: async () => lease.lose() })),
    foundBy: "release() of what was lost takes it from nobody",
    says: "acquire() answers undefined",
  },
  {
    fault: "fails in a second release",
    plant: terms((term) => {
      let released = false;
      return {
        release(signal) {
          if (released) return Promise.reject(new Error("Gone"));
          released = true;
          return term.release(signal);
        },
      };
    }),
    foundBy: "release() may be called twice",
    says: "release() fulfils, but it failed: Error: Gone",
  },
  {
    fault: "hangs when its call is cancelled",
    plant: (lease) => ({
      acquire: (signal, options) => signal.aborted ? hang() : lease.acquire(signal, options),
    }),
    foundBy: "calls settle when their signal has aborted, and nothing is left held by it",
    says: "acquire() settles when its signal has aborted",
  },
  {
    fault: "is held by a call that was cancelled",
    plant: (lease) => ({
      async acquire(signal, options) {
        const term = await lease.acquire(new AbortController().signal, options);
        signal.throwIfAborted();
        return term;
      },
    }),
    foundBy: "calls settle when their signal has aborted, and nothing is left held by it",
    says: "an acquire that was cancelled has nothing",
  },
];

for (const { fault, plant, foundBy, says } of table) {
  test(`the contract finds a lease that ${fault}`, async () => {
    const check = leaseContract(() => fixture(plant), quick).find(({ name }) => name === foundBy);
    assert.ok(check, `there is no check "${foundBy}"`);
    const { message } = await rejection(check.run());
    assert.match(message, says);
    assert.match(message, /^Expected that [^]*, but [^]*; look at /);
  });
}

test("leaseContract() refuses times that are none", () => {
  for (const name of ["patience", "silence", "duration"]) {
    const error = thrown(() => leaseContract(() => fixture((it) => it), { [name]: Infinity }));
    assert.instance(error, RangeError);
    assert.match(error.message, `Cannot use leaseContract.${name}: Infinity is not finite`);
  }
});

test("each check of the contract finds a fault", () => {
  const found = new Set(table.map(({ foundBy }) => foundBy));
  for (const { name } of leaseContract(() => fixture((lease) => lease))) {
    assert.ok(found.has(name), name);
  }
});

test.run();
