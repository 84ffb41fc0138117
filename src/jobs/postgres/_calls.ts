import { globalClock } from "../../_time/timer.ts";
import { within } from "../../_time/within.ts";
import { textOf } from "../../_log.ts";
import { delay } from "../../delay.ts";
import { codeOf } from "../../postgres/query.ts";
import type { Row } from "../_rows.ts";

/** Asks the database; gives the rows. */
export type Ask = (text: string, values?: unknown[]) => Promise<readonly Row[]>;

/** Milliseconds that a call may take. */
const longestCall = 30_000;

/** How often a call is made again that PostgreSQL has ended in favour of another. */
const attempts = 10;

/** A deadlock, and a snapshot that is too old: nothing of the call is left, so it can be made again. */
const again = ["40P01", "40001"];

/** What PostgreSQL says, and what to do then. */
const advice: readonly (readonly [RegExp, string])[] = [
  [
    /^(ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|57P0|08|CONNECTION)/,
    "is it running, and is the address right?",
  ],
  [/^28/, "give the pool a user and a password that it takes"],
  [/^3D/, "make that database, or name another one"],
  [
    /^42501/,
    "let its user use the schema, or make it; it needs `create` on the database the first time",
  ],
  [/^(42P01|42883|3F000)/, "its tables are gone, or were not made: leave `migrate` at true"],
  [/^53/, "give it room, or fewer connections"],
  [/^25006/, "it is a standby, or set to read only: give the address of the one that writes"],
];

/** Makes the calls of a storage: each has a limit, and its errors say what to do. */
export function callsOf(ask: Ask, schema: string, longest: number = longestCall): Ask {
  return async (text, values = []) => {
    for (let attempt = 1;; attempt++) {
      try {
        const message = `PostgreSQL has not answered for ${longest / 1_000} s`;
        const limit = { clock: globalClock, ms: longest, message };
        return await within(ask(text, values.map((it) => it ?? null)), { limit });
      } catch (error) {
        if (again.includes(codeOf(error)) && attempt < attempts) {
          await delay(Math.random() * 5 * 2 ** attempt);
          continue;
        }
        throw explain(error, schema);
      }
    }
  };
}

/** The same error for an operator: which schema, and what to do. */
export function explain(cause: unknown, schema: string): Error {
  const code = codeOf(cause);
  const [, what] = advice.find(([sign]) => sign.test(code)) ?? [];
  const text = `Cannot use PostgreSQL schema "${schema}": ${textOf(cause)}`;
  return new Error(what ? `${text}: ${what}` : text, { cause });
}
