import process from "node:process";
import { deferred } from "../../src/_deferred.ts";

/**
 * Loads a client of an engine, which is installed beside this file. Not imported by its name, so that the
 * rest of the repository is checked without it.
 */
// deno-lint-ignore no-explicit-any -- its own types are compared in types/
export async function load(name: string): Promise<any> {
  return await import(name);
}

/** Where an engine is; nothing where nobody has started it. */
export function urlOf(variable: string): string | undefined {
  return process.env[variable];
}

/** A check of a contract, or what else is run like one. */
interface Check {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/**
 * Gives what registers checks as tests of one file. Those of one call run one after the other, but beside those of other
 * calls: most of what they do is to wait. All of them begin with the first test of the file, since all files are
 * imported before, and checks with terms bear no other work in their process.
 */
export function lanesOf(
  test: (name: string, run: () => Promise<void>) => void,
): (checks: readonly Check[]) => void {
  const lanes: (() => void)[] = [];
  return (checks) => {
    const ends = checks.map(({ name, run }) => {
      const end = deferred();
      end.promise.catch(() => {}); // its test tells
      test(name, () => {
        for (const begin of lanes.splice(0)) begin();
        return end.promise;
      });
      return { run, end };
    });
    lanes.push(async () => {
      for (const { run, end } of ends) await run().then(end.resolve, end.reject);
    });
  };
}
