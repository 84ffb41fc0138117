/**
 * Shows the main job: a Hono server and a worker that works for it, in one host.
 *
 *     npm start                                on Node
 *     deno task start                          on Deno
 *     bun examples/01_postcards/main.ts        on Bun
 *
 * Post a line of text and a worker paints a postcard of it, layer by layer. Stop it with Ctrl+C, or
 * even with `kill -9`, and start it again: no postcard is lost.
 *
 * `PORT` is where it listens (3000), `DATA` the folder of its database (`data` beside this file).
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { formatEvent } from "@runhost/host";
import { FolderLock } from "./folder_lock.ts";
import { Painter } from "./painter.ts";
import { Postcards } from "./postcards.ts";
import { website } from "./website.ts";

const runtime = "Deno" in globalThis
  ? import("./runtime/deno.ts")
  : "Bun" in globalThis
  ? import("./runtime/bun.ts")
  : import("./runtime/node.ts");
const { runHost, webServer } = await runtime;

const { PORT = "3000", DATA = fileURLToPath(new URL("./data", import.meta.url)) } = process.env;
const postcards = new Postcards(DATA);

const run = runHost([
  new FolderLock(DATA), // locked first, unlocked last
  postcards,
  new Painter(postcards),
  webServer(website(postcards), Number(PORT)), // when all the rest is ready
], {
  shutdownTimeout: 10_000,
  onEvent: (event) => {
    const told = "error" in event || event.type === "serviceListening"; // by the logger
    if (event.type !== "serviceBegan" && !told) console.log(formatEvent(event));
  },
});
// What failed is in the log by then, and in the exit code.
await run.catch(() => {});
