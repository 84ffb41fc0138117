import { runHost } from "../../dist/src/runtime/node.js";

globalThis.used = runHost; // or a bundler would leave it out
