import { textOf } from "../_log.ts";

/** The most bytes that an input or a result may have as JSON. */
const most = 256 * 1024;

const encoder = new TextEncoder();

/**
 * Writes a value as JSON; `null` for what JSON leaves out.
 *
 * @param what Whose value, for messages: `the input of job "mail"`.
 * @throws {TypeError} If it cannot be written.
 * @throws {RangeError} If it is too large.
 */
export function write(what: string, value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`Cannot write ${what} as JSON: ${textOf(cause)}`, { cause });
  }
  if (text === undefined && value !== undefined) {
    throw new TypeError(`Cannot write ${what} as JSON: it is a ${typeof value}`);
  }
  text ??= "null";
  // No text has more bytes than three for each unit.
  if (text.length * 3 > most) {
    const { length } = encoder.encode(text);
    if (length > most) {
      throw new RangeError(
        `Cannot store ${what}: ${length} bytes as JSON are more than ${most}; store it elsewhere, and its key here`,
      );
    }
  }
  return text;
}
