/**
 * Compiled with Node's, Deno's and Bun's own types, never run: their `process` has what the
 * library writes down of it.
 */
import process from "node:process";
import type { currentProcess } from "../../src/runtime/_process.ts";

process satisfies ReturnType<typeof currentProcess>;
