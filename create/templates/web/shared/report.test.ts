import { testHost } from "@runhost/host/testing";
import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { report } from "./report.ts";
import { Visits } from "./visits.ts";

test("the report counts the visitors of each minute", async () => {
  const visits = new Visits();
  await using host = testHost([report(visits)]); // on a clock that stands still
  await host.start();
  visits.total = 2;
  await host.clock.advance(60_000);
  visits.total = 5;
  await host.clock.advance(60_000);
  deepEqual(host.lines, [
    "info: 2 visitors in the last minute",
    "info: 3 visitors in the last minute",
  ]);
});
