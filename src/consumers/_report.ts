import { type Failure, log } from "../_log.ts";
import type { ServiceContext } from "../types.ts";

/** Writes a line that begins with the name of the service and goes on with `what`. */
export function report(
  { name, logger }: ServiceContext,
  level: "warn" | "error",
  what: string,
  failure?: Failure,
): void {
  log(logger, level, `Service "${name}" ${what}`, failure);
}
