import { check, checkFinite, nothing } from "../_check.ts";
import { textOf } from "../_log.ts";
import { pause, realNow } from "./_real_time.ts";
import type { FakeClock } from "./fake_clock.ts";

/**
 * One check of a contract: something that must hold for every implementation. Any test runner can
 * run it; see `sourceContract` and `leaseContract`.
 *
 * @example As tests of a runner
 * ```ts
 * import { FakeLease, leaseContract } from "@runhost/host/testing";
 * import { ok } from "node:assert/strict";
 *
 * const tests = new Map<string, () => Promise<void>>(); // stands for `test(name, run)` of a runner
 * const lease = new FakeLease();
 * for (const { name, run } of leaseContract(() => ({ open: () => lease }))) tests.set(name, run);
 * ok(tests.size > 8);
 * ```
 */
export interface ContractCheck {
  /** What must hold, as the name of a test. */
  readonly name: string;
  /**
   * Checks it, on an engine of its own.
   *
   * @returns Rejects with an `Error` that says what was expected, what happened, and where to look.
   */
  readonly run: () => Promise<void>;
}

/** How long the checks of a contract wait. */
export interface ContractOptions {
  /**
   * Milliseconds within which whatever has to happen must happen. Finite. Nothing is waited for that long
   * if all is well.
   *
   * @default {10000}
   */
  readonly patience?: number | undefined;
  /**
   * Milliseconds in which nothing may happen, where nothing must: longer than the engine takes to do
   * it. Finite.
   *
   * @default {250}
   */
  readonly silence?: number | undefined;
}

/** What every fixture of a contract may have. */
export interface ContractFixture {
  /**
   * The time of what is checked, if that is not real: the checks move it.
   *
   * @default {real time}
   */
  readonly clock?: FakeClock | undefined;
  /** Called when a check is over, however it ended. */
  close?(): unknown;
}

/** Checks the times of a contract. */
export function checkContractOptions(label: string, options: ContractOptions): void {
  check(`the options of ${label}`, options, {});
  for (const name of ["patience", "silence"] as const) {
    if (options[name] !== undefined) checkFinite(`${label}.${name}`, options[name]);
  }
}

/** Says what went wrong in a check. */
export function broken(expected: string, happened: string, look: string, cause?: unknown): Error {
  const message = `Expected that ${expected}, but ${happened}; look at ${look}`;
  return new Error(message, cause === undefined ? undefined : { cause });
}

/** Waiting, in the time of what is checked. */
export class Patience {
  readonly patience: number;
  readonly silence: number;
  readonly clock: FakeClock | undefined;
  /** Two waits may go on beside each other, and the clock is moved by one at a time. */
  #moved: Promise<void> = Promise.resolve();

  constructor(options: ContractOptions, clock: FakeClock | undefined) {
    this.patience = options.patience ?? 10_000;
    this.silence = options.silence ?? 250;
    this.clock = clock;
  }

  /** What its clock shows. */
  now(): number {
    return this.clock ? this.clock.now() : realNow();
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    const { clock } = this;
    if (!clock) return await pause(ms);
    const moved = this.#moved.then(() => clock.advance(ms));
    this.#moved = moved.catch(nothing);
    await moved;
  }

  /** Lets time pass until a promise has settled, and says whether it has. */
  async settles(promise: Promise<unknown>, ms: number = this.patience): Promise<boolean> {
    let settled = false;
    const end = (): void => void (settled = true);
    const ended = promise.then(end, end);
    if (!this.clock) {
      await pause(ms, ended);
      return settled;
    }
    await this.pass(0);
    for (let left = ms; !settled && left > 0; left -= 25) await this.pass(Math.min(left, 25));
    return settled;
  }

  /**
   * Awaits a call that has to fulfil.
   *
   * @param what The call, as a message names it: `ack()`.
   */
  async fulfils<R>(what: string, call: () => R): Promise<Awaited<R>> {
    const promise = (async () => await call())();
    promise.catch(nothing);
    if (!await this.settles(promise)) {
      throw broken(`${what} settles`, `it was pending after ${this.patience} ms`, what);
    }
    return await promise.catch((error) => {
      throw broken(`${what} fulfils`, `it failed: ${textOf(error)}`, what, error);
    });
  }
}

/** Runs a check on a fixture of its own, and closes that. */
export async function withFixture<F extends ContractFixture>(
  make: () => F | Promise<F>,
  check: (fixture: F) => Promise<void>,
): Promise<void> {
  const fixture = await make();
  try {
    await check(fixture);
  } finally {
    await fixture.close?.();
  }
}
