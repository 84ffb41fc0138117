import { runHost } from "../../dist/src/runtime/bun.js";

globalThis.used = runHost; // or a bundler would leave it out
