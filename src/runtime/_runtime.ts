import { builtin } from "../_builtin.ts";

/** The runtimes that have an entry of their own. */
export type RuntimeName = "node" | "deno" | "bun";

/** How they are called. */
const titles = { node: "Node", deno: "Deno", bun: "Bun" } as const;

/**
 * Checks that an entry is used on a runtime that has what its hosts need. Node's and Bun's need no
 * more than `process`, which all three have.
 *
 * @throws {TypeError} If not; the message says which entry to import.
 */
export function checkRuntime(entry: RuntimeName): void {
  const here = currentRuntime();
  if (here && (entry !== "deno" || here === "deno")) return;
  const where = here ? `on ${titles[here]}` : "here, where there is no process";
  throw new TypeError(
    `Cannot use "@runhost/host/${entry}" ${where}: import "@runhost/host${here ? `/${here}` : ""}"`,
  );
}

/** Bun and Deno have a `process` too, so they are asked first. */
function currentRuntime(): RuntimeName | undefined {
  if ("Deno" in globalThis) return "deno";
  if ("Bun" in globalThis) return "bun";
  const { process } = globalThis as { readonly process?: { readonly on?: unknown } };
  return process?.on ? "node" : undefined;
}

/** Whether this is a worker thread: those get no signals, and their `exit` ends no process. */
export function inWorkerThread(): boolean {
  if ("WorkerGlobalScope" in globalThis) return true; // a web worker of Deno
  const { Bun } = globalThis as { readonly Bun?: { readonly isMainThread?: boolean } };
  const threads = builtin("node:worker_threads") as { readonly isMainThread: boolean } | undefined;
  return Bun?.isMainThread === false || threads?.isMainThread === false;
}
