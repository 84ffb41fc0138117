/**
 * Faults that the tests have to see, and how one is planted.
 *
 * @module
 */

/** A fault: a piece of the source that is replaced, and the tests that must fail then. */
export interface Mutant {
  /** What would go wrong. */
  readonly fault: string;
  /** The file it is planted in, from the root of the repository. */
  readonly file: string;
  /** What is replaced. It occurs once in the file; how its lines are broken does not matter. */
  readonly from: string;
  readonly to: string;
  /** Filters of `tests/run.ts`: the test files that see it. */
  readonly tests: readonly string[];
}

/** The source with the fault planted. */
export function plant({ file, from, to }: Mutant, source: string): string {
  const pieces = from.trim().split(/\s+/).map((it) => it.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const pattern = new RegExp(pieces.join("\\s+"), "g");
  const places = source.match(pattern)?.length ?? 0;
  if (places !== 1) throw new Error(`${file} has ${places} times: ${from}`);
  return source.replace(pattern, () => to);
}
