import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Collects garbage, now: V8 lends its function to new contexts, Bun has one of its own. */
function collect(): void {
  const { Bun } = globalThis as { readonly Bun?: { gc(synchronously: boolean): void } };
  if (Bun) return Bun.gc(true);
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** Bytes of the heap that are in use. */
export function heapInUse(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
