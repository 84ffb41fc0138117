import { builtin } from "../_builtin.ts";

/**
 * Checks that an entry is used on a runtime that has what its hosts need. Node's and Bun's need no
 * more than `process`, which all three have.
 *
 * @throws {TypeError} If not; the message says which entry to import.
 */
export function checkRuntime(entry: "node" | "deno" | "bun"): void {
  const here = currentEntry();
  if (entry === "deno" ? here === "/deno" : here) return;
  throw new TypeError(`Cannot use "@runhost/host/${entry}" here: import "@runhost/host${here}"`);
}

/** Bun and Deno have a `process` too, so they are asked first; Deno's takes long to load. (Workaround:
 * deno-process) */
function currentEntry(): string {
  if ("Deno" in globalThis) return "/deno";
  if ("Bun" in globalThis) return "/bun";
  const { process } = globalThis as { readonly process?: { readonly on?: unknown } };
  return process?.on ? "/node" : "";
}

/** Whether this is the main thread: the others get no signals, and their `exit` ends no process. */
export function inMainThread(): boolean {
  // Both kinds of Deno's threads can be told from it without loading a module of Node.
  if ("Deno" in globalThis) return "self" in globalThis && !("WorkerGlobalScope" in globalThis);
  const threads = builtin("node:worker_threads") as { readonly isMainThread: boolean } | undefined;
  return threads?.isMainThread !== false;
}
