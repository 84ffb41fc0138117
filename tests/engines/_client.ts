import process from "node:process";

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

/**
 * Registers checks as tests. They run one after the other, but beside those of other lanes: most of what they do
 * is to wait.
 */
export function lane(
  test: (name: string, run: () => Promise<void>) => void,
  checks: readonly { readonly name: string; readonly run: () => Promise<void> }[],
): void {
  let last: Promise<unknown> = Promise.resolve();
  for (const { name, run } of checks) {
    const ran = last.then(run);
    last = ran.catch(() => {});
    test(name, () => ran);
  }
}
