/**
 * A server of a crash run. Its arguments: the address of the store, the file that its handlers write to, what it is called there,
 * and its `holdTimeout`.
 *
 * A line is a word, the id of the job, the number of the attempt, and the name of the server: `begin` and `end` of a handler,
 * and `lost` when the server was told that its hold was lost.
 */
import process from "node:process";
import { delay } from "../../mod.ts";
import { jobServer } from "../../src/jobs/mod.ts";
import { runHost } from "../process/fixtures/_entry.ts";
import { openLines } from "./_lines.ts";
import { storeAt } from "./_store.ts";
import { workOf } from "./_work.ts";

const [address = "", log = "", name = "", holdTimeout = ""] = process.argv.slice(2);
const lines = openLines(log);
const write = (what: string, { id, attempt }: { id: string; attempt: number }): void =>
  lines.add(`${what} ${id} ${attempt} ${name}`);

const work = workOf(async (ms, signal, job) => {
  write("begin", job);
  signal.addEventListener("abort", () => write("lost", job), { once: true });
  await delay(ms, { signal });
  write("end", job);
});
const jobs = jobServer("jobs", {
  storage: await storeAt(address),
  jobs: [work],
  holdTimeout: Number(holdTimeout),
  started: () => console.log("ready"),
});
jobs.subscribe((event) => event.type === "jobLost" && write("lost", event.job));

await runHost([jobs]);
