/**
 * Compiled with Node's, Deno's and Bun's own types, never run: each runtime has what `src/runtime/types/`
 * writes down of it.
 */
import process from "node:process";
import type { BunNamespace } from "../src/runtime/types/bun.ts";
import type { DenoNamespace } from "../src/runtime/types/deno.ts";
import type { Process } from "../src/runtime/types/process.ts";

process satisfies Process;

/** A global with its runtime's own type; where it is another runtime, there is nothing to compare. */
type Global<Name extends string, Otherwise> = typeof globalThis extends
  { readonly [_ in Name]: infer Own } ? Own : Otherwise;

declare const deno: Global<"Deno", DenoNamespace>;
deno satisfies DenoNamespace;

declare const bun: Global<"Bun", BunNamespace>;
bun satisfies BunNamespace;
