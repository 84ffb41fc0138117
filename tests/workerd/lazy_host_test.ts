/** What a lazy host does in a real workerd, where no event may wait for another one's promise. */
import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Workerd } from "./_workerd.ts";
import { afterEach } from "../_after_each.ts";

const entry = fileURLToPath(new URL("lazy_worker.ts", import.meta.url));
const compatibilityDate = "2026-08-01";

/** Asks until the answer is as wanted. */
async function until(worker: Workerd, path: string, wanted: (log: string[]) => boolean) {
  for (let tries = 0; tries < 200; tries++) {
    const log = await worker.ask<string[]>(path);
    if (wanted(log)) return log;
    await sleep(25);
  }
  throw new Error(`It never came to that: ${await worker.ask(path)}`);
}

/** Asks, and hangs up once the Worker has written a line. */
async function hangUp(worker: Workerd, path: string, line: string): Promise<void> {
  const request = get(worker.url + path);
  request.on("error", () => {}); // it is told to
  await until(worker, "/log", (log) => log.includes(line));
  request.socket?.resetAndDestroy(); // the end of its stream alone tells workerd nothing
}

for (const compatibilityFlags of [[], ["nodejs_compat"]]) {
  const name = compatibilityFlags[0] ?? "no compatibility flag";
  const test = suite<{ worker: Workerd }>(`workerd, ${name}`);

  test.before.each(async (context) => {
    context.worker = await Workerd.serve(entry, { compatibilityDate, compatibilityFlags });
  });
  afterEach(test, ({ worker }) => worker.close());

  test("lazyHost() starts once for two first requests, and both are answered", async ({ worker }) => {
    const answers = await Promise.all([worker.ask<string[]>("/"), worker.ask<string[]>("/")]);
    for (const log of answers) {
      assert.equal(log.slice(0, 2), ["host starting", "host started"]);
      assert.is(log.filter((line) => line === "host starting").length, 1);
    }
    const later = await worker.ask<string[]>("/");
    assert.is(later.filter((line) => line === "host starting").length, 1);
  });

  test("lazyHost() goes on starting when the first client hangs up", async ({ worker }) => {
    await hangUp(worker, "/", "host starting");
    const log = await worker.ask<string[]>("/");
    assert.equal(log.slice(0, 2), ["host starting", "host started"]);
    assert.is(log.filter((line) => line === "host starting").length, 1);
  });

  test("lazyHost() begins anew when the event of the start is lost", async ({ worker }) => {
    await hangUp(worker, "/frail", "frail starting");
    const [one, two] = await Promise.all([
      worker.ask<string[]>("/frail"),
      worker.ask<string[]>("/frail"),
    ]);
    assert.equal(one, ["frail starting", "frail starting", "frail started"]);
    assert.equal(two, one);
  });

  test("lazyHost() tries again after a start that failed", async ({ worker }) => {
    await worker.ask("/fail");
    const failures = await Promise.all([worker.ask("/"), worker.ask("/")]);
    assert.equal(failures, ["Error: Out of order", "Error: Out of order"]);
    await worker.ask("/mend");
    const log = await worker.ask<string[]>("/");
    assert.equal(log.slice(0, 3), ["host starting", "host starting", "host started"]);
  });

  test("lazyHost() can be stopped by another event, and starts again", async ({ worker }) => {
    await worker.ask("/");
    const log = await worker.ask<string[]>("/stop");
    assert.ok(log.includes("slice ended"), log.join());
    assert.is(log.at(-1), "host stopped");
    const again = await worker.ask<string[]>("/");
    assert.is(again.filter((line) => line === "host started").length, 2);
  });

  test("lazyHost() replaces a host that was asked to stop", async ({ worker }) => {
    await worker.ask("/");
    await worker.ask("/ask-for-stop");
    const log = (await worker.ask<string[]>("/")).filter((line) => line.startsWith("host"));
    assert.equal(log.slice(2), ["host stopped", "host starting", "host started"]);
  });

  test("lazyHost() refuses a background service among its services", async ({ worker }) => {
    const answer = await worker.ask<string>("/wrong");
    assert.match(answer, 'TypeError: Cannot run background service "worker" in a lazy host');
  });

  test("lazyHost() runs background services in slices that end before the limit", async ({ worker }) => {
    await worker.ask("/");
    await until(worker, "/log", (log) => log.includes("slice ended"));
    await worker.ask("/");
    const log = await until(worker, "/log", (log) => log.at(-1) === "slice ended");
    const slices = log.filter((line) => line.startsWith("slice"));
    assert.equal(slices, ["slice began", "slice ended", "slice began", "slice ended"]);
  });

  test("exportedHandler() aborts work under waitUntil before the limit", async ({ worker }) => {
    const before = await worker.ask<string[]>("/work");
    assert.not.ok(before.some((line) => line.startsWith("work")));
    const log = await until(worker, "/log", (log) => log.some((line) => line.startsWith("work")));
    assert.ok(log.includes("work ended in time"), log.join());
  });

  test("exportedHandler() runs what belongs to a cron expression", async ({ worker }) => {
    assert.is((await worker.scheduled("* * * * *")).outcome, "ok");
    assert.is((await worker.scheduled("0 3 * * *")).outcome, "ok");
    assert.is((await worker.scheduled("0 3 * * *")).outcome, "ok");
    assert.is((await worker.scheduled("0 4 * * *")).outcome, "exception");
    assert.is((await worker.scheduled("0 5 * * *")).outcome, "exception");
    const log = await worker.ask<string[]>("/log");
    const jobs = log.filter((line) => /cron|nightly/.test(line));
    assert.equal(jobs, ["cron * * * * *", "nightly", "nightly"]);
  });

  test("exportedHandler() acks the messages of a queue one by one", async ({ worker }) => {
    const answer = await worker.queue("mails", ["hello", "spam", "bye"]);
    assert.is(answer.outcome, "ok");
    assert.equal([...answer.explicitAcks ?? []].sort(), ["0", "2"]);
    assert.equal(answer.retryMessages, [{ msgId: "1", delaySeconds: 3 }]);
    const log = await worker.ask<string[]>("/log");
    assert.not.ok(log.includes("slice began"), "A slice would hold the acks back");
    assert.is((await worker.queue("letters", ["hello"])).outcome, "exception");
  });

  test.run();
}
