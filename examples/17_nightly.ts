/** Shows a nightly job: a time zone, a night the program missed, and where the last run is kept. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cron, type LastRunStore } from "@runhost/host/cron";
import { runHost } from "@runhost/host/node";

const folder = await mkdtemp(join(tmpdir(), "nightly-"));
const file = join(folder, "last-run");

/** A file will do while one instance runs the job; of several, each would need a lock first. */
const store: LastRunStore = {
  load: () => existsSync(file) ? readFile(file, "utf8") : undefined,
  save: (lastRun) => writeFile(file, lastRun.toISOString()),
};

// So that there is something to see: the program starts one second before half past two, and did
// not run the night before. A real one leaves out `now`.
let started = 0;
const now = (): number => Date.parse("2026-07-02T00:29:59Z") + performance.now() - started;
await store.save(new Date("2026-06-30T00:30:00Z"), new AbortController().signal);

const timeZone = "Europe/Berlin";
const inBerlin = (date?: Date): string | undefined => date?.toLocaleString("sv-SE", { timeZone });

const report = cron("report", {
  pattern: "30 2 * * *",
  timeZone,
  store,
  now,
  start: () => (started = performance.now()),
  work: (_signal, { lifetime }, { scheduledAt }) => {
    console.log(`the report of ${inBerlin(scheduledAt)}`);
    if (report.details.runs === 2) lifetime.stopApplication("enough");
    else console.log(`the next one is due at ${inBerlin(report.details.nextRun)}`);
  },
});

await runHost([report]);
console.log(`the last run was at ${inBerlin(new Date(await readFile(file, "utf8")))}`);
await rm(folder, { recursive: true });
