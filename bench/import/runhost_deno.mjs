import { runHost } from "../../src/runtime/deno.ts";

globalThis.used = runHost; // or a bundler would leave it out
