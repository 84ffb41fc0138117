import { log } from "../_log.ts";
import type { Logger } from "../types.ts";

/** A logger that keeps its lines as `warn: ...`, and passes them on if there is another one. */
export function capture(
  to: Logger | false | undefined,
): { readonly lines: string[]; readonly logger: Logger } {
  const lines: string[] = [];
  const level = (name: keyof Logger) => (line: string): void => {
    lines.push(`${name}: ${line}`);
    if (to) log(to, name, line);
  };
  const logger = {
    debug: level("debug"),
    info: level("info"),
    warn: level("warn"),
    error: level("error"),
  };
  return { lines, logger };
}
