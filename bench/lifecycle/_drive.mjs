/** Starts and stops services of each kind and number; shared by the programs beside it. */
import { expect, program, sample, turn, untilAborted } from "../program.mjs";

const kinds = ["empty", "plain", "background"];

/** What has happened to the services of one run. */
const newTally = () => ({ started: 0, stopped: 0 });

/**
 * @param make Makes an application of `count` services of a kind, not timed: an object with `start`
 * and `stop`. Its services count themselves in the tally.
 */
export function drive(make) {
  return program(check, measure);

  async function check() {
    const found = {};
    for (const kind of kinds) {
      const tally = newTally();
      const application = await make(kind, 5, tally);
      await application.start();
      await settled(tally, 5);
      const running = { ...tally };
      await application.stop();
      found[kind] = { running, stopped: tally };
    }
    return found;
  }

  async function measure(full) {
    const found = {};
    for (const kind of kinds) {
      for (const count of [1, 100, full ? 10_000 : 1_000]) {
        found[`${kind}, ${count}`] = await sample(
          () => once(kind, count),
          full ? 150 : 20,
        );
      }
    }
    return found;
  }

  /** The milliseconds of one start and one stop; what is between them does not count. */
  async function once(kind, count) {
    const tally = newTally();
    const application = await make(kind, count, tally);
    const begun = performance.now();
    await application.start();
    const started = performance.now();
    await settled(tally, count);
    const stopping = performance.now();
    await application.stop();
    const stopped = performance.now();
    expect("started services", tally.started, count);
    expect("stopped services", tally.stopped, count);
    return started - begun + (stopped - stopping);
  }
}

/** Background work may begin after the start that began it. */
async function settled(tally, count) {
  for (let turns = 0; turns < 1_000 && tally.started < count; turns++) {
    await turn();
  }
}

/** A service for those who take a pair of hooks, written by hand. */
export function service(kind, tally) {
  if (kind === "background") return new Loop(tally);
  return kind === "plain" ? new Plain(tally) : new Empty(tally);
}

/** Hooks that do nothing: what is left is what starting and stopping adds. */
export class Empty {
  constructor(tally) {
    this.tally = tally;
  }
  async start() {
    this.tally.started++;
  }
  async stop() {
    this.tally.stopped++;
  }
}

/** Hooks that take one turn of the event loop. */
export class Plain {
  constructor(tally) {
    this.tally = tally;
  }
  async start() {
    await turn();
    this.tally.started++;
  }
  async stop() {
    await turn();
    this.tally.stopped++;
  }
}

/** What runs until it is told to end. */
export async function work(signal, tally) {
  tally.started++;
  await untilAborted(signal);
  tally.stopped++;
}

/** A worker as one writes it without a host. */
class Loop {
  #controller = new AbortController();
  #work;

  constructor(tally) {
    this.tally = tally;
  }
  async start() {
    this.#work = work(this.#controller.signal, this.tally);
  }
  async stop() {
    this.#controller.abort();
    await this.#work;
  }
}

/** `count` of them. */
export const services = (kind, count, tally) =>
  Array.from({ length: count }, () => service(kind, tally));
