/**
 * Jobs while their servers and clients are killed, one a second; run by `npm run test:crash`:
 *
 *     npm run test:crash                                       5 000 jobs in a SQLite file
 *     npm run test:crash -- --store postgres --jobs 1000       on a private PostgreSQL, which is restarted twice
 *     npm run test:crash -- --runtime bun                      what runs the servers: node, deno, bun
 *
 * Exits with 1 if a promise of docs/jobs.md was broken; then what the processes wrote is kept.
 */
import { execSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { find } from "../engines/servers/_server.ts";
import { postgres } from "../engines/servers/postgres.ts";
import { type CrashReport, crashRun, type Crew, runtimes } from "./_crash_run.ts";

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "sqlite" },
    jobs: { type: "string", default: "5000" },
    runtime: { type: "string", default: "node" },
  },
});
const { store, runtime } = values;
const jobs = Math.ceil(Number(values.jobs) / 2) * 2;
if (!(store === "sqlite" || store === "postgres") || !(jobs > 0) || !runtimes[runtime]) {
  console.error("--store is sqlite or postgres, --jobs a number, --runtime node, deno or bun");
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "runhost-crash-"));
const killEvery = 1_000;
// Four lanes in each of two clients: about 80 jobs a second, so that the run meets some kills.
const common = { folder, jobs, runtime, rest: 100, holdTimeout: 2_000 };

async function killOne(crew: Crew): Promise<void> {
  await sleep(killEvery);
  await crew.kill();
}

let report: CrashReport;
if (store === "sqlite") {
  report = await crashRun({ ...common, address: join(folder, "jobs.db"), disturb: killOne });
} else {
  report = await onPostgres();
}

async function onPostgres(): Promise<CrashReport> {
  if (!postgres.commands.every(find)) {
    console.error(`NOT TESTED: no PostgreSQL here: apt-get install ${postgres.packages.join(" ")}`);
    process.exit(1);
  }
  const cwd = fileURLToPath(new URL("../engines/", import.meta.url));
  execSync("npm ci --no-audit --no-fund", { cwd, stdio: "inherit" });
  const server = await postgres.create();
  try {
    await server.start();
    let restarts = 0;
    return await crashRun({
      ...common,
      address: server.url,
      outages: true,
      async disturb(crew) {
        await killOne(crew);
        if (restarts >= 2 || crew.acknowledged.length < (restarts + 1) * jobs / 3) return;
        // The first time as an operator would, the second time as a crash.
        await (restarts++ === 0 ? server.stop() : server.kill());
        await sleep(500);
        await server.start();
        console.log(`PostgreSQL was restarted after ${crew.acknowledged.length} jobs`);
      },
    });
  } finally {
    await server.remove();
  }
}

const { faults, kills, exits, seconds } = report;
console.log(
  [
    `${store}, servers on ${runtime}: ${report.acknowledged} jobs acknowledged, ${report.stored} stored`,
    `${kills.server} servers and ${kills.client} clients killed in ${Math.round(seconds)} s`,
    `${report.inKilledHands} attempts ended with their server, of which ${report.doneAgain} jobs had been done and were done again`,
    `${report.failedStarts} starts failed while the store was away`,
    `${report.lost} holds lost by living servers, ${report.unheard} jobs stored that no client heard of`,
    `${faults.length} faults`,
  ].join("; "),
);
for (const fault of faults.slice(0, 50)) console.error(fault);
if (faults.length > 0 || exits.some((exit) => exit !== 0) || report.acknowledged !== jobs) {
  process.exitCode = 1;
  console.error(`The servers and clients ended with ${exits}; see ${folder}`);
} else rmSync(folder, { recursive: true });
