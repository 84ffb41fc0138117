/** Shows a recurring job: of many servers on one storage, one makes the report of a night. */
import { backgroundService, runHost } from "@runhost/host/node";
import { defineJob, jobServer } from "@runhost/host/jobs";
import { sqlite } from "@runhost/host/jobs/sqlite";

const report = defineJob("report", {
  timeout: 600_000,
  execute: async ({ of }: { readonly of: string }, signal, { log }) => {
    for (const part of ["sales", "stock"]) {
      signal.throwIfAborted(); // the timeout is over, or the grace of a stop
      log(`reading ${part}`);
    }
    return `Report of ${of}`;
  },
});

const storage = sqlite(":memory:"); // a path, for jobs that survive
const options = {
  storage,
  jobs: [report],
  recurring: {
    nightly: {
      job: report,
      input: { of: "sales and stock" },
      pattern: "30 2 * * *", // at half past two
      timeZone: "Europe/Berlin",
      missed: "runOnce", // if nobody works at that time, it is made up for
    },
  },
} as const;
const servers = [jobServer("first", options), jobServer("second", options)];

// Stands for a button of an operator.
const operator = backgroundService("operator", async (signal, { lifetime }) => {
  const [jobs] = servers;
  const [nightly] = await jobs!.recurring();
  const next = new Date(nightly!.nextAt!);
  console.log(`due at ${next.toLocaleTimeString("en-GB", { timeZone: "Europe/Berlin" })}`);

  const id = await jobs!.trigger("nightly"); // now, besides
  console.log(await jobs!.result(id!, { signal }));
  const { log } = (await jobs!.get(id!))!;
  console.log(log.map(({ text }) => text).join(", "));
  lifetime.stopApplication();
});

await runHost([servers, operator], { logger: false });
