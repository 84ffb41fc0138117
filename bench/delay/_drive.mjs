/** Waits for many delays at once; shared by the programs beside it. */
import { expect, program, sample } from "../program.mjs";

/** @param delay Resolves after so many milliseconds; rejects with the reason if the signal aborts. */
export function drive(delay) {
  return program(check, measure);

  async function check() {
    const controller = new AbortController();
    const waiting = [
      delay(1),
      delay(1, controller.signal),
      delay(60_000, controller.signal),
    ];
    const outcomes = waiting.map((wait) => wait.then(() => "resolved", (error) => error.name));
    await Promise.all(outcomes.slice(0, 2));
    controller.abort();
    const late = delay(1, controller.signal).catch((error) => error.name);
    return Promise.all([...outcomes, late]);
  }

  async function measure(full) {
    const count = full ? 20_000 : 2_000;
    const found = {};
    for (
      const [name, once] of Object.entries({
        "no signal": plain,
        signal,
        aborted,
      })
    ) {
      const milliseconds = await sample(() => once(count), full ? 500 : 50);
      found[name] = milliseconds * 1_000 / count;
    }
    return found;
  }

  /** All are made in one go and are due at the same time, so that the wait itself hardly counts. */
  async function plain(count) {
    const begun = performance.now();
    const waiting = [];
    for (let index = 0; index < count; index++) waiting.push(delay(1));
    await Promise.all(waiting);
    return performance.now() - begun;
  }

  /** A signal each; making it does not count. */
  async function signal(count) {
    const controllers = Array.from(
      { length: count },
      () => new AbortController(),
    );
    const begun = performance.now();
    const waiting = controllers.map((controller) => delay(1, controller.signal));
    await Promise.all(waiting);
    return performance.now() - begun;
  }

  async function aborted(count) {
    const controllers = Array.from(
      { length: count },
      () => new AbortController(),
    );
    let rejected = 0;
    const begun = performance.now();
    const waiting = controllers.map(({ signal }) => delay(60_000, signal).catch(() => rejected++));
    for (const controller of controllers) controller.abort();
    await Promise.all(waiting);
    const ended = performance.now();
    expect("rejected delays", rejected, count);
    return ended - begun;
  }
}
