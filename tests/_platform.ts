/**
 * A platform that ends events: with an event, its timers are gone.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock } from "../mod.ts";
import { FakeClock } from "../src/testing/mod.ts";

/** One event, as long as it lives. */
export interface Life {
  /** What the platform was asked to wait for. */
  readonly work: readonly Promise<unknown>[];
  waitUntil(promise: Promise<unknown>): void;
  /** Calls back inside the event: the timers set there are its own. */
  run<T>(action: () => T): T;
  /** Ends it, whatever still runs: what waits for one of its timers waits for ever. */
  end(): void;
}

/** Time that passes when a test says so, for events that may be ended. */
export class Platform {
  readonly time: FakeClock = new FakeClock();
  readonly #current = new AsyncLocalStorage<Life & { readonly ended: boolean }>();

  /** To be given to the host: each timer belongs to the event in which it was set. */
  readonly clock: Clock = {
    now: () => this.time.now(),
    setTimeout: (callback, ms) => {
      const life = this.#current.getStore();
      return this.time.setTimeout(() => {
        if (!life) callback();
        else if (!life.ended) life.run(callback);
      }, ms);
    },
    clearTimeout: (timer) => this.time.clearTimeout(timer),
  };

  /** Begins an event. */
  event(): Life {
    const current = this.#current;
    const work: Promise<unknown>[] = [];
    const life = {
      work,
      ended: false,
      waitUntil: (promise: Promise<unknown>): void => void work.push(promise),
      run: <T>(action: () => T): T => current.run(life, action),
      end: (): void => void (life.ended = true),
    };
    return life;
  }
}
