import { equal } from "node:assert/strict";
import { test } from "node:test";
import { application } from "./app.ts";
import { Visits } from "./visits.ts";

test("each visitor is counted", async () => {
  const app = application(new Visits());
  await app.request("/");
  const response = await app.request("/");
  equal(await response.text(), "Hello, visitor 2\n");
});
