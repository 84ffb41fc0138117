/** The example of a Worker, as its wrangler.jsonc configures it. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Workerd } from "./_workerd.ts";
import { afterEach } from "../_after_each.ts";

const folder = new URL("../../examples/14_workers/", import.meta.url);
const text = readFileSync(new URL("wrangler.jsonc", folder), "utf8");
const wrangler = JSON.parse(text.replaceAll(/^\/\/.*$/gm, ""));

interface Progress {
  readonly sent: number;
  readonly of: number;
}

const test = suite<{ worker: Workerd }>("14_workers");

test.before.each(async (context) => {
  const [{ name, class_name: className }] = wrangler.durable_objects.bindings;
  context.worker = await Workerd.serve(fileURLToPath(new URL(wrangler.main, folder)), {
    compatibilityDate: wrangler.compatibility_date,
    compatibilityFlags: [],
    vars: wrangler.vars,
    objects: { name, className },
  });
});
afterEach(test, ({ worker }) => worker.close());

test("answers with what its host has loaded", async ({ worker }) => {
  const response = await fetch(worker.url);
  assert.is(await response.text(), "Welcome to the newsletter. Yours, the editors");
});

test("begins the mailing at its cron, and ends it though it is killed meanwhile", async ({ worker }) => {
  const today = `/${new Date().toISOString().slice(0, 10)}`;
  const tomorrow = `/${new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}`;
  /** Of both days, should midnight have come in between. */
  const progress = async (): Promise<Progress> => {
    const [one, two] = [await worker.ask<Progress>(today), await worker.ask<Progress>(tomorrow)];
    return one.sent >= two.sent ? one : two;
  };
  const until = async (sent: number): Promise<Progress> => {
    for (let tries = 0; tries < 1_000; tries++) {
      const now = await progress();
      if (now.sent >= sent) return now;
      await sleep(25);
    }
    return assert.unreachable(`Not sent: ${JSON.stringify(await progress())}`) as never;
  };

  assert.equal(await progress(), { sent: 0, of: 6 });
  for (const cron of wrangler.triggers.crons) {
    assert.is((await worker.scheduled(cron)).outcome, "ok");
  }
  await until(1);
  await worker.kill();
  await worker.start();
  assert.ok((await progress()).sent >= 1, "it has stored that");
  assert.equal(await until(6), { sent: 6, of: 6 });
});

test("handles what its queues deliver", async ({ worker }) => {
  for (const { queue } of wrangler.queues.consumers) {
    const answer = await worker.queue(queue, [{ address: "ada@example.com" }, { address: "?" }]);
    assert.is(answer.outcome, "ok");
    assert.equal(answer.explicitAcks, ["0"]);
    assert.equal(answer.retryMessages?.map(({ msgId }) => msgId), ["1"]);
  }
});

test.run();
