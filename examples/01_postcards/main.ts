/**
 * Shows the main job: a Hono server and a job server that works for it, in one host.
 *
 *     npm start                                on Node
 *     deno task start                          on Deno
 *     bun examples/01_postcards/main.ts        on Bun
 *
 * Post a line of text and a job paints a postcard of it, layer by layer; `/dashboard` shows the jobs. Stop it with
 * Ctrl+C, or even with `kill -9`, and start it again: no postcard is lost.
 *
 * `PORT` is where it listens (3000), `DATA` the folder of its jobs (`data` beside this file).
 *
 * @module
 */

import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { formatEvent } from "@runhost/host";
import { jobServer } from "@runhost/host/jobs";
import { sqlite } from "@runhost/host/jobs/sqlite";
import { paint } from "./painter.ts";
import { website } from "./website.ts";

const runtime = "Deno" in globalThis
  ? import("./runtime/deno.ts")
  : "Bun" in globalThis
  ? import("./runtime/bun.ts")
  : import("./runtime/node.ts");
const { isLocal, runHost, webServer } = await runtime;

const { PORT = "3000", DATA = fileURLToPath(new URL("./data", import.meta.url)) } = process.env;

const jobs = jobServer("jobs", {
  storage: sqlite(join(DATA, "jobs.db")),
  jobs: [paint],
  queues: { easel: { concurrency: 1 } },
  retention: { succeeded: Infinity }, // a postcard is kept, as its job is all there is of it
  holdTimeout: 3_000, // soon after a `kill -9` another process may go on; 15 s by default
});

const run = runHost([
  jobs, // starts first and stops last: until then the website may enqueue
  ({ host }) => webServer(website({ jobs, host, isOperator: isLocal }), Number(PORT)),
], {
  shutdownTimeout: 10_000,
  onEvent: (event) => {
    const told = "error" in event || event.type === "serviceListening"; // by the logger
    if (event.type !== "serviceBegan" && !told) console.log(formatEvent(event));
  },
});
// What failed is in the log by then, and in the exit code.
await run.catch(() => {});
