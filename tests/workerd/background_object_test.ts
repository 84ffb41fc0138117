/** What a background object does in a real workerd that is killed under it. */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Workerd } from "./_workerd.ts";
import { afterEach } from "../_after_each.ts";

const entry = fileURLToPath(new URL("counting_object.ts", import.meta.url));
const compatibilityDate = "2026-08-01";

interface Progress {
  readonly count: number;
  readonly slices: number;
  readonly alarm: boolean;
}

async function until(worker: Workerd, wanted: (progress: Progress) => boolean): Promise<Progress> {
  for (let tries = 0; tries < 300; tries++) {
    const progress = await worker.ask<Progress>("/");
    if (wanted(progress)) return progress;
    await sleep(25);
  }
  throw new Error(`It never came to that: ${JSON.stringify(await worker.ask("/"))}`);
}

for (const compatibilityFlags of [[], ["nodejs_compat"]]) {
  const name = compatibilityFlags[0] ?? "no compatibility flag";
  const test = suite<{ worker: Workerd }>(`workerd, ${name}`);

  test.before.each(async (context) => {
    const objects = { name: "OBJECTS", className: "Counter" };
    context.worker = await Workerd.serve(entry, { compatibilityDate, compatibilityFlags, objects });
  });
  afterEach(test, ({ worker }) => worker.close());

  test("BackgroundObject works slice by slice until its work has ended", async ({ worker }) => {
    assert.equal(await worker.ask("/"), { count: 0, slices: 0, alarm: false });
    await worker.ask("/start");
    const progress = await until(worker, ({ alarm }) => !alarm);
    assert.is(progress.count, 12);
    assert.ok(progress.slices >= 4, `${progress.slices} slices`);
  });

  test("BackgroundObject goes on after workerd was killed in the middle", async ({ worker }) => {
    await worker.ask("/start");
    await until(worker, ({ count }) => count >= 4);
    await worker.kill();
    await worker.start();
    const before = await worker.ask<Progress>("/");
    assert.ok(before.alarm, "the alarm is there");
    assert.ok(before.count < 12, "it was in the middle");
    const progress = await until(worker, ({ alarm }) => !alarm);
    assert.is(progress.count, 12);
    assert.ok(progress.slices > before.slices);
  });

  test("BackgroundObject stops when told to, and starts again where it was", async ({ worker }) => {
    await worker.ask("/start");
    await until(worker, ({ count }) => count >= 2);
    const stopped = await worker.ask<Progress>("/stop");
    assert.not.ok(stopped.alarm);
    await sleep(400);
    assert.equal(await worker.ask("/"), stopped);
    await worker.ask("/start");
    const progress = await until(worker, ({ alarm }) => !alarm);
    assert.is(progress.count, 12);
  });

  test.run();
}
