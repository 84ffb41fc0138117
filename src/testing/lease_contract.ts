import { checkFinite, nothing } from "../_check.ts";
import { textOf } from "../_log.ts";
import {
  broken,
  checkContractOptions,
  type ContractCheck,
  type ContractFixture,
  type ContractOptions,
  Patience,
  withFixture,
} from "./contract.ts";
import type { Lease, Term } from "../supervision/mod.ts";

/** Options of a {@linkcode leaseContract}. */
export interface LeaseContractOptions extends ContractOptions {
  /**
   * For how many milliseconds the checks ask for the lease: much longer than a call takes. Several
   * checks wait until that is over.
   *
   * @default {1000}
   */
  readonly duration?: number | undefined;
}

/** A lease of an engine, free and for one check alone: what a {@linkcode leaseContract} works with. */
export interface LeaseFixture extends ContractFixture {
  /** Opens the lease: each time the same one, as another process would. */
  open(): Lease | Promise<Lease>;
}

/**
 * What every `Lease` must keep, as checks for any test runner: whoever writes one for an engine runs
 * them with the real engine.
 *
 * @param make Gives a lease that nobody holds or has held; called once for each check.
 * @param options How long to ask for, and to wait.
 * @throws {TypeError} If a time is no number.
 * @throws {RangeError} If a time is negative, `NaN` or not finite.
 *
 * @example A lease in memory, on a fake clock
 * ```ts
 * import { FakeClock, FakeLease, leaseContract } from "@runhost/host/testing";
 *
 * const make = () => {
 *   const clock = new FakeClock();
 *   const lease = new FakeLease({ clock });
 *   return { clock, open: () => lease };
 * };
 *
 * for (const { run } of leaseContract(make)) {
 *   await run(); // test(name, run), with the runner of your choice
 * }
 * ```
 */
export function leaseContract(
  make: () => LeaseFixture | Promise<LeaseFixture>,
  options: LeaseContractOptions = {},
): readonly ContractCheck[] {
  checkContractOptions("leaseContract", options);
  if (options.duration !== undefined) checkFinite("leaseContract.duration", options.duration);
  return checks.map(({ name, check }) => ({
    name,
    run: () => withFixture(make, (fixture) => check(new Bench(fixture, options))),
  }));
}

/** The lease of a check, and those who ask for it. */
class Bench extends Patience {
  readonly duration: number;
  readonly #fixture: LeaseFixture;
  readonly #leases = new Map<string, Lease>();

  constructor(fixture: LeaseFixture, options: LeaseContractOptions) {
    super(options, fixture.clock);
    this.#fixture = fixture;
    this.duration = options.duration ?? 1_000;
  }

  /** The lease as this holder has opened it. */
  async of(holder: string): Promise<Lease> {
    const lease = this.#leases.get(holder) ?? await this.#fixture.open();
    this.#leases.set(holder, lease);
    return lease;
  }

  /** Asks once. */
  async acquire(holder: string): Promise<Term | undefined> {
    const lease = await this.of(holder);
    const { signal } = new AbortController();
    const { duration } = this;
    const term = await this.fulfils("acquire()", () => lease.acquire(signal, { holder, duration }));
    if (term === undefined) return undefined;
    const { token, renew, release } = term;
    if (!Number.isSafeInteger(token)) {
      throw broken("token is a whole number", `it is ${textOf(token)}`, "Term.token");
    }
    if (typeof renew !== "function" || typeof release !== "function") {
      throw broken("a term has renew() and release()", "it has not", "what acquire() answers");
    }
    return term;
  }

  /** Asks once, and expects to get it. */
  async get(holder: string, why: string): Promise<Term> {
    const term = await this.acquire(holder);
    if (!term) throw broken(`acquire() answers with a term: ${why}`, "it did not", "acquire()");
    return term;
  }

  /** Asks once, and expects not to get it. */
  async refused(holder: string, why: string, look: string): Promise<void> {
    const term = await this.acquire(holder);
    if (term) throw broken(`acquire() answers undefined: ${why}`, `it gave ${term.token}`, look);
  }

  async renew(term: Term, wanted: boolean, why: string, look: string): Promise<void> {
    const { signal } = new AbortController();
    const { duration } = this;
    const answer: unknown = await this.fulfils("renew()", () => term.renew(signal, { duration }));
    if (answer !== wanted) {
      throw broken(`renew() answers ${wanted}: ${why}`, `it was ${textOf(answer)}`, look);
    }
  }

  async release(term: Term): Promise<void> {
    await this.fulfils("release()", () => term.release(new AbortController().signal));
  }

  /** Makes a call whose signal has aborted: it may end as it likes. */
  async cancelled<R>(what: string, call: () => Promise<R>): Promise<R | undefined> {
    const promise = (async () => await call())();
    promise.catch(nothing);
    if (await this.settles(promise)) return await promise.catch(() => undefined);
    const happened = `it was pending after ${this.patience} ms`;
    throw broken(`${what} settles when its signal has aborted`, happened, `the signal of ${what}`);
  }

  grows(before: Term, after: Term): void {
    if (after.token > before.token) return;
    const happened = `${after.token} came after ${before.token}`;
    throw broken("the token grows with each term", happened, "where the token is counted");
  }
}

const held = "somebody holds it";
const free = "nobody holds it";

const checks: readonly { readonly name: string; check(bench: Bench): Promise<void> }[] = [
  {
    name: "a free lease is given, and to one alone",
    async check(bench) {
      const term = await bench.get("a", free);
      await bench.refused("b", held, "whether acquire() looks who has it");
      await bench.release(term);
    },
  },
  {
    name: "of many that ask at the same time one gets it",
    async check(bench) {
      const holders = Array.from({ length: 8 }, (_, index) => `holder ${index}`);
      const leases = await Promise.all(holders.map((it) => bench.of(it)));
      const { signal } = new AbortController();
      const { duration } = bench;
      for (let rounds = 1;; rounds++) {
        const begun = bench.now();
        const answers = await bench.fulfils(
          "acquire(), eight at a time",
          () =>
            Promise.all(
              leases.map((it, index) =>
                it.acquire(signal, { holder: holders[index] as string, duration })
              ),
            ),
        );
        const terms = answers.filter((it) => it !== undefined);
        if (terms.length === 1) return;
        // A round that took longer than a term lasts may well have seen two of them.
        const isSlow = terms.length > 1 && bench.now() - begun >= duration;
        if (!isSlow || rounds === 10) {
          throw broken(
            "one gets it",
            `${terms.length} did`,
            "whether acquire() looks and takes at once",
          );
        }
        for (const term of terms) await bench.release(term);
      }
    },
  },
  {
    name: "what was released is free at once, and the token grows",
    async check(bench) {
      const first = await bench.get("a", free);
      await bench.release(first);
      const second = await bench.get("b", "it was released");
      bench.grows(first, second);
      await bench.release(second);
      bench.grows(second, await bench.get("a", "it was released"));
    },
  },
  {
    name: "it runs out after its duration, and the token grows",
    async check(bench) {
      const first = await bench.get("a", free);
      await bench.pass(bench.duration * 0.5);
      await bench.refused("b", "its duration is not over", "how long acquire() takes it for");
      await bench.pass(bench.duration * 0.6);
      bench.grows(first, await bench.get("b", "its duration is over"));
    },
  },
  {
    name: "renew() holds it for another duration from then",
    async check(bench) {
      const term = await bench.get("a", free);
      for (let i = 0; i < 4; i++) {
        await bench.pass(bench.duration * 0.6);
        await bench.renew(term, true, "it is held", "renew()");
      }
      await bench.pass(bench.duration * 0.5);
      await bench.refused("b", "it was renewed", "for how long renew() holds it");
      await bench.pass(bench.duration * 0.6);
      await bench.get("b", "its last renewal is over");
    },
  },
  {
    name: "renew() answers false when somebody else has it, and leaves it to them",
    async check(bench) {
      const first = await bench.get("a", free);
      await bench.pass(bench.duration * 1.1);
      const second = await bench.get("b", "its duration is over");
      const look = "whether renew() knows whose term it is";
      await bench.renew(first, false, "somebody else has it", look);
      await bench.renew(second, true, "it is held", look);
    },
  },
  {
    name: "renew() answers false when it was released",
    async check(bench) {
      const term = await bench.get("a", free);
      await bench.release(term);
      await bench.renew(term, false, "it was released", "whether renew() takes what is free");
      await bench.get("b", free);
    },
  },
  {
    name: "a term of the same holder is another one",
    async check(bench) {
      const first = await bench.get("a", free);
      await bench.release(first);
      const second = await bench.get("a", "it was released");
      bench.grows(first, second);
      const look = "whether a term is known by its token, not by its holder";
      await bench.renew(first, false, "it is an older term", look);
      await bench.release(first);
      await bench.renew(second, true, "an older term is not this one", look);
    },
  },
  {
    name: "release() of what was lost takes it from nobody",
    async check(bench) {
      const first = await bench.get("a", free);
      await bench.pass(bench.duration * 1.1);
      const second = await bench.get("b", "its duration is over");
      const released = (async () => await first.release(new AbortController().signal))();
      released.catch(nothing); // it may say that it is too late
      await bench.settles(released);
      const look = "whether release() knows whose term it is";
      await bench.refused("c", held, look);
      await bench.renew(second, true, "it is held", look);
    },
  },
  {
    name: "release() may be called twice",
    async check(bench) {
      const first = await bench.get("a", free);
      await bench.release(first);
      const second = await bench.get("b", "it was released");
      await bench.release(first);
      await bench.renew(second, true, "it is held", "whether release() knows whose term it is");
    },
  },
  {
    name: "calls settle when their signal has aborted, and nothing is left held by it",
    async check(bench) {
      const reason = new DOMException("It takes too long", "AbortError");
      const signal = AbortSignal.abort(reason);
      const { duration } = bench;
      const lease = await bench.of("a");
      const cancelled = await bench.cancelled(
        "acquire()",
        () => lease.acquire(signal, { holder: "a", duration }),
      );
      if (cancelled) await bench.release(cancelled); // it answered all the same
      const term = await bench.get("b", "an acquire that was cancelled has nothing");
      await bench.cancelled("renew()", () => term.renew(signal, { duration }));
      await bench.release(term);
      await bench.get("a", "it was released");
    },
  },
];
