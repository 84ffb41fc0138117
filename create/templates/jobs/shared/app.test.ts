import { createHost } from "@runhost/host";
import { jobServer } from "@runhost/host/jobs";
import { sqlite } from "@runhost/host/jobs/sqlite";
import { equal } from "node:assert/strict";
import { test } from "node:test";
import { application } from "./app.ts";
import { greet } from "./greet.ts";

test("the dashboard asks for its password", async () => {
  const jobs = jobServer("jobs", {
    storage: sqlite(":memory:"),
    jobs: [greet],
  });
  const host = createHost([jobs], { logger: false });
  const app = application({ host, jobs, password: "secret" });
  await host.start();
  try {
    equal((await app.request("/dashboard")).status, 401);
    const authorization = `Basic ${btoa("admin:secret")}`;
    equal(
      (await app.request("/dashboard", { headers: { authorization } })).status,
      200,
    );
  } finally {
    await host.stop();
  }
});
