/**
 * Plays a recorded sequence of operations on our `PeriodicTimer`, under a fake clock.
 *
 * @module
 */

import { PeriodicTimer } from "../../mod.ts";
import { FakeClock } from "../../src/testing/mod.ts";
import type { TimerGolden, TimerStep } from "./fixture.ts";

/** Plays the whole sequence; returns what is wrong with the first step that disagrees. */
export async function replayTimer({ period, steps }: TimerGolden): Promise<string | undefined> {
  const clock = new FakeClock();
  const timer = new PeriodicTimer(period, { clock });
  const controllers: AbortController[] = [];
  let settled: Record<string, string> = {};

  const wait = (controller: AbortController): string => {
    const number = controllers.push(controller);
    const settle = (outcome: string): void => {
      settled[number] = outcome;
    };
    timer.waitForNextTick(controller.signal).then(
      (ticked) => settle(String(ticked)),
      // The rejection of a cancelled wait is its signal's reason; a second waiter's is not.
      (error) => settle(error === controller.signal.reason ? "canceled" : busy(error)),
    );
    return `#${number}`;
  };

  const play = ({ op, arg = NaN }: TimerStep): string | undefined | Promise<void> => {
    switch (op) {
      case "wait":
        return wait(new AbortController());
      case "waitCancelled": {
        const controller = new AbortController();
        controller.abort();
        return wait(controller);
      }
      case "advance":
        return clock.advance(arg);
      case "cancel":
        controllers[arg - 1]?.abort();
        return undefined;
      case "period":
        timer.period = arg;
        return timer.period === arg ? "ok" : `${timer.period}`;
      case "dispose":
        timer[Symbol.dispose]();
        return undefined;
      default:
        throw new TypeError(`Cannot replay: unknown operation "${op satisfies never}"`);
    }
  };

  for (const [index, step] of steps.entries()) {
    settled = {};
    const result = await play(step);
    await clock.advance(0);
    const expected = render(step.result, step.settled);
    const actual = render(result ?? undefined, settled);
    if (expected !== actual) {
      return `step ${index}, ${step.op} ${step.arg ?? ""}: expected ${expected}; got ${actual}`;
    }
  }
  return undefined;
}

function busy(error: unknown): string {
  return error instanceof Error && error.name !== "AbortError" ? "busy" : `${error}`;
}

function render(
  result: string | undefined,
  settled: Readonly<Record<string, string>> = {},
): string {
  const outcomes = Object.entries(settled).map(([number, outcome]) => `#${number} ${outcome}`);
  return [result ?? "no result", ...outcomes].join(", ");
}
