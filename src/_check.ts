/**
 * Checks that a value has the shape of another: the same type, and for an object the same members.
 * A number is a time limit: 0, anything positive, or `Infinity`.
 *
 * @throws {TypeError} If it is not; the message begins with what `label` names.
 * @throws {RangeError} If it is a negative number or `NaN`.
 */
export function check(label: string, value: unknown, shape: unknown): void {
  if (typeof value !== typeof shape || value === null) {
    throw new TypeError(`Cannot use ${label}: expected ${typeof shape}, got ${describe(value)}`);
  }
  if (typeof value === "number" && !(value >= 0)) {
    throw new RangeError(`Cannot use ${label}: ${value} is not 0 or more`);
  }
  if (typeof shape === "object") {
    for (const [key, wanted] of Object.entries(shape as object)) {
      check(`${label}.${key}`, (value as never)[key], wanted);
    }
  }
}

/** Checks a number that counts things: whole, and not below `least`. */
export function checkWhole(label: string, value: unknown, least: number): void {
  check(label, value, 0);
  if (Number.isInteger(value) && (value as number) >= least) return;
  throw new RangeError(`Cannot use ${label}: ${value} is no whole number from ${least}`);
}

/** Checks a time that must pass. */
export function checkFinite(label: string, ms: unknown): void {
  check(label, ms, 0);
  if (ms === Infinity) throw new RangeError(`Cannot use ${label}: Infinity is not finite`);
}

/** Checks a setting that is one of some words. */
export function checkWord(label: string, value: unknown, words: readonly string[]): void {
  if (words.includes(value as string)) return;
  const expected = words.join(" or ");
  throw new TypeError(`Cannot use ${label}: expected ${expected}, got ${describe(value)}`);
}

/** Checks what is to be listened to, which may be left out: controllers are a common slip. */
export function checkSignal(label: string, signal: AbortSignal | undefined): void {
  if (signal === undefined || typeof signal?.addEventListener === "function") return;
  const { signal: inner } = (signal ?? {}) as { readonly signal?: unknown };
  const hint = inner === undefined ? "" : ": pass its signal";
  throw new TypeError(
    `Cannot use ${label}: expected an AbortSignal, got ${describe(signal)}${hint}`,
  );
}

/** Warnings that were given: each comes once in the life of a program. */
const warned: Set<string> = new Set();

/**
 * Warns of a name that differs from a right one in case only (`shutDownTimeout`): TypeScript would
 * have refused it, and nobody will ever look at it.
 */
export function checkNames(
  label: string,
  given: object,
  names: readonly string[],
  warn: (line: string) => void = (line) => console.warn(line),
): void {
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const right = names.find((it) => it.toLowerCase() === name.toLowerCase());
    const line = `Cannot use ${label}: there is no "${name}", did you mean "${right}"`;
    if (!right || warned.has(line)) continue;
    warned.add(line);
    warn(line);
  }
}

/** A value as a message shows it: its type, and what it is. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value === "string") return `string ${JSON.stringify(value.slice(0, 40))}`;
  if (typeof value === "function") return `function ${value.name}`.trim();
  if (typeof value !== "object") return `${typeof value} ${String(value)}`;
  return `object ${value.constructor?.name ?? ""}`.trim();
}

/** The shape of a function, for {@linkcode check}; does nothing. */
export function nothing(): void {}
