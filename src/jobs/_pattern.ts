import type { NextAfter } from "../cron/_pattern.ts";

/** What reads patterns, once it was asked for. */
let reader: Promise<typeof import("../cron/_pattern.ts")> | undefined;

/**
 * Reads the pattern of a recurring job, as `cron` does. `croner` is asked for only here: a program without recurring
 * jobs needs none.
 *
 * @param label Whose pattern and zone, for messages.
 * @returns Rejects with a `TypeError` or a `RangeError` if one of them cannot be read.
 */
export async function readPattern(
  label: string,
  pattern: string,
  timeZone: string | undefined,
): Promise<NextAfter> {
  reader ??= import("../cron/_pattern.ts");
  const cron = await reader.catch((cause) => {
    reader = undefined;
    const message = `Cannot use ${label}: install the package "croner", which reads patterns`;
    throw new Error(message, { cause });
  });
  return cron.readPattern(label, pattern, timeZone ?? "UTC");
}
