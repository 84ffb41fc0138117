/**
 * Names the test that hangs and ends the process with it, instead of a run that says nothing.
 *
 * @module
 */

import { Worker } from "node:worker_threads";

/** Limits of a {@linkcode Watchdog}. */
export interface WatchdogOptions {
  /** Milliseconds that one thing may take. */
  readonly limit: number;
  /** When, in milliseconds since 1970, the process will be killed from outside; `Infinity`: never. */
  readonly deadline: number;
}

/** Bytes for the name of what goes on. */
const room = 1_024;

/**
 * It watches from a thread of its own: a test may hang in a loop that gives the main thread neither
 * timers nor signals. It writes to the file descriptor, as a thread's console goes by the main thread.
 */
const program = `
  const process = require("node:process");
  const { writeSync } = require("node:fs");
  const { workerData: { shared, limit, deadline } } = require("node:worker_threads");
  const turn = new Int32Array(shared, 0, 1);
  let [seen, since] = [0, performance.now()];
  for (;;) {
    Atomics.wait(turn, 0, seen, 1_000);
    const now = Atomics.load(turn, 0);
    if (now !== seen) [seen, since] = [now, performance.now()];
    const late = Date.now() > deadline;
    if (!late && performance.now() - since < limit) continue;
    const bytes = new Uint8Array(shared, 4).slice();
    const name = new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
    const seconds = Math.round((performance.now() - since) / 1_000);
    writeSync(2, "\\nHANGS: " + name + ", for " + seconds + " s" +
      (late ? "; the time of the whole run is over" : "") + "\\n");
    process.kill(process.pid, "SIGKILL");
  }
`;

/** Watches over one thing after the other, and holds no process. */
export class Watchdog {
  readonly #turn: Int32Array;
  readonly #name: Uint8Array;

  constructor({ limit, deadline }: WatchdogOptions) {
    const shared = new SharedArrayBuffer(4 + room);
    this.#turn = new Int32Array(shared, 0, 1);
    this.#name = new Uint8Array(shared, 4);
    new Worker(program, { eval: true, workerData: { shared, limit, deadline } }).unref();
  }

  /** Something new goes on from now: what to call it if it hangs. */
  see(name: string): void {
    const bytes = new TextEncoder().encode(name).subarray(0, room - 1);
    this.#name.fill(0);
    this.#name.set(bytes);
    Atomics.add(this.#turn, 0, 1);
    Atomics.notify(this.#turn, 0);
  }
}
