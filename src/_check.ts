/**
 * Checks that a value has the shape of another: the same type, and for an object the same members.
 * A number is a time limit: 0, anything positive, or `Infinity`.
 *
 * @throws {TypeError} If it is not; the message begins with what `label` names.
 * @throws {RangeError} If it is a negative number or `NaN`.
 */
export function check(label: string, value: unknown, shape: unknown): void {
  if (typeof value !== typeof shape || value === null) {
    const got = value === null ? value : typeof value;
    throw new TypeError(`Cannot use ${label}: expected ${typeof shape}, got ${got}`);
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

/** The shape of a function, for {@linkcode check}; does nothing. */
export function nothing(): void {}
