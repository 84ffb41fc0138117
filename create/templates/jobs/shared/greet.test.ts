import { createHost } from "@runhost/host";
import { jobServer } from "@runhost/host/jobs";
import { sqlite } from "@runhost/host/jobs/sqlite";
import { equal } from "node:assert/strict";
import { test } from "node:test";
import { greet } from "./greet.ts";

test("a job greets whom it is given", async () => {
  const jobs = jobServer("jobs", {
    storage: sqlite(":memory:"),
    jobs: [greet],
  });
  const host = createHost([jobs], { logger: false });
  await host.start();
  try {
    const id = await jobs.enqueue(greet, { name: "Ada" });
    equal(await jobs.result(id), "Hello, Ada");
  } finally {
    await host.stop();
  }
});
