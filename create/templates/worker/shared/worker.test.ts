import { testHost } from "@runhost/host/testing";
import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { worker } from "./worker.ts";

test("the worker works once a second", async () => {
  await using host = testHost([worker]); // on a clock that stands still
  await host.start();
  await host.clock.advance(3_000);
  deepEqual(host.lines, ["info: Working", "info: Working", "info: Working"]);
});
