/**
 * Plays a recorded sequence of operations on our `Channel`.
 *
 * @module
 */

import { Channel, ChannelClosedError } from "../../src/channels/mod.ts";
import { quiet } from "../../src/testing/mod.ts";
import type { ChannelGolden, ChannelStep } from "./fixture.ts";

/** Plays the whole sequence; returns what is wrong with the first step that disagrees. */
export async function replayChannel(
  { mode, capacity, steps }: ChannelGolden,
): Promise<string | undefined> {
  const boom = new Error("boom");
  const controllers: AbortController[] = [];
  let settled: Record<string, string> = {};
  let dropped: number[] = [];
  let completion: string | undefined;

  const channel = new Channel<number>({
    capacity,
    fullMode: mode === "unbounded" ? undefined : mode,
    onDropped: (item) => dropped.push(item),
  });
  channel.completion.then(
    () => {
      completion = "ok";
    },
    (error) => {
      completion = error === boom ? "boom" : `${error}`;
    },
  );

  const begin = (operation: (signal: AbortSignal) => Promise<unknown>): string => {
    const controller = new AbortController();
    const number = controllers.push(controller);
    const settle = (outcome: string): void => {
      settled[number] = outcome;
    };
    operation(controller.signal).then(
      (value) => settle(value === undefined ? "ok" : String(value)),
      (error) => settle(controller.signal.aborted ? canceled(error, controller) : failure(error)),
    );
    return `#${number}`;
  };

  const failure = (error: unknown): string => {
    if (error === boom) return "boom";
    if (!(error instanceof ChannelClosedError)) return `${error}`;
    return error.cause === undefined ? "closed" : `closed ${failure(error.cause)}`;
  };

  const play = ({ op, arg = NaN }: ChannelStep): string | undefined => {
    switch (op) {
      case "tryWrite":
        return String(channel.tryWrite(arg));
      case "write":
        return begin((signal) => channel.write(arg, signal));
      case "waitToWrite":
        return begin((signal) => channel.waitToWrite(signal));
      case "tryRead":
        return String(channel.tryRead() ?? "none");
      case "tryPeek":
        return String(channel.tryPeek() ?? "none");
      case "read":
        return begin((signal) => channel.read(signal));
      case "waitToRead":
        return begin((signal) => channel.waitToRead(signal));
      case "complete":
        return String(channel.complete());
      case "completeWithError":
        return String(channel.complete(boom));
      case "cancel":
        controllers[arg - 1]?.abort();
        return undefined;
      default:
        throw new TypeError(`Cannot replay: unknown operation "${op satisfies never}"`);
    }
  };

  for (const [index, step] of steps.entries()) {
    [settled, dropped, completion] = [{}, [], undefined];
    const result = play(step);
    await quiet();
    const expected = render(step);
    const actual = render({ result, settled, dropped, count: channel.count, completion });
    if (expected !== actual) {
      return `step ${index}, ${step.op} ${step.arg ?? ""}: expected ${expected}; got ${actual}`;
    }
  }
  return undefined;
}

/** A cancelled operation's rejection is its signal's reason. */
function canceled(error: unknown, { signal }: AbortController): string {
  return error === signal.reason ? "canceled" : `${error}`;
}

/** What came of a step. */
type Outcome = Omit<ChannelStep, "op" | "arg">;

function render({ result, settled = {}, dropped = [], count, completion }: Outcome): string {
  const outcomes = Object.entries(settled).map(([number, outcome]) => `#${number} ${outcome}`);
  return [
    result ?? "no result",
    ...outcomes,
    `dropped [${dropped}]`,
    `count ${count}`,
    `completion ${completion ?? "pending"}`,
  ].join(", ");
}
