import { log } from "./_log.ts";
import type { Logger } from "./types.ts";

/**
 * Checks that a value has the shape of another: the same type, and for an object the same members.
 * A number is a time limit: 0, anything positive, or `Infinity`.
 *
 * @throws {TypeError} If it is not; the message begins with what `label` names.
 * @throws {RangeError} If it is a negative number or `NaN`.
 */
export function check(label: string, value: unknown, shape: unknown): void {
  if (typeof value !== typeof shape || value === null) {
    refuse(label, typeof shape, value);
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
  if (!words.includes(value as string)) refuse(label, words.join(" or "), value);
}

/** Checks a list of services: who forgets its brackets hands over one. */
export function checkList(label: string, value: unknown): void {
  const list = value as Partial<Iterable<unknown>> | null | undefined;
  if (typeof list?.[Symbol.iterator] !== "function") refuse(label, "a list", value);
}

/** Checks what is to be listened to, which may be left out: its controller is a common slip. */
export function checkSignal(label: string, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal?.addEventListener !== "function") refuse(label, "an AbortSignal", signal);
}

/**
 * Warns of a name that differs from a right one in case only (`shutDownTimeout`): TypeScript would
 * have refused it, and nobody will ever look at it.
 */
export function checkNames(
  label: string,
  given: object,
  names: readonly string[],
  logger?: Logger,
): void {
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const right = names.find((it) => it.toLowerCase() === name.toLowerCase());
    const line = `Cannot use ${label}: there is no "${name}", did you mean "${right}"`;
    if (right && !(right in given)) log(logger ?? console, "warn", line);
  }
}

/** Says what was expected, and what came instead. */
export function refuse(label: string, expected: string, value: unknown): never {
  throw new TypeError(`Cannot use ${label}: expected ${expected}, got ${describe(value)}`);
}

/** A value as a message shows it: its type, and which one it is. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  const { name, constructor } = value as { name?: unknown; constructor?: { name: unknown } };
  const type = typeof value;
  const which = type === "object"
    ? constructor?.name
    : type === "string"
    ? JSON.stringify(value)
    : name ?? String(value);
  return `${type} ${which ?? ""}`.trim();
}

/** The shape of a function, for {@linkcode check}; does nothing. */
export function nothing(): void {}
