import { builtin } from "../_builtin.ts";

/**
 * Checks that an entry is used on a runtime that has what its hosts need. Node's and Bun's need no
 * more than `process`, which all three have.
 *
 * @throws {TypeError} If not; the message says which entry to import.
 */
export function checkRuntime(entry: "node" | "deno" | "bun"): void {
  const { process } = globalThis as { readonly process?: { readonly on?: unknown } };
  // Bun and Deno have a `process` too, so they are asked first.
  const here = "Deno" in globalThis
    ? "/deno"
    : "Bun" in globalThis
    ? "/bun"
    : process?.on
    ? "/node"
    : "";
  if (entry === "deno" ? here === "/deno" : here) return;
  throw new TypeError(`Cannot use "@runhost/host/${entry}" here: import "@runhost/host${here}"`);
}

/** Whether this is a worker thread: those get no signals, and their `exit` ends no process. */
export function inWorkerThread(): boolean {
  if ("WorkerGlobalScope" in globalThis) return true; // a web worker of Deno
  const { Bun } = globalThis as { readonly Bun?: { readonly isMainThread?: boolean } };
  const threads = builtin("node:worker_threads") as { readonly isMainThread: boolean } | undefined;
  return Bun?.isMainThread === false || threads?.isMainThread === false;
}
