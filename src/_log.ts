import { renderError } from "./_render.ts";
import type { Logger } from "./types.ts";

/** Writes a line, with what failed if anything did. A logger that fails itself changes nothing. */
export function log(
  logger: Logger,
  level: keyof Logger,
  line: string,
  failure?: { readonly error: unknown },
): void {
  try {
    logger[level](failure ? `${line}: ${renderError(failure.error)}` : line);
  } catch {
    // Where would one log it?
  }
}
