/** The handlers of a Worker, called as Cloudflare calls them. A real platform is in workerd/. */
import { Hono } from "hono";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  backgroundService,
  type ExecutionContext,
  exportedHandler,
  type ExportedHandlerOptions,
  lazyHost,
  type QueueMessage,
  type WorkerHandlers,
} from "../src/runtime/workers.ts";
import { rejection, thrown } from "./_fate.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { hang } from "./_gate.ts";

function rig(handlers: WorkerHandlers<string>, options?: ExportedHandlerOptions) {
  const clock = new FakeClock();
  const host = lazyHost<string>(() => [], { clock, logger: false });
  const work: Promise<unknown>[] = [];
  const context: ExecutionContext = {
    waitUntil: (promise) => void work.push(promise),
    passThroughOnException() {},
    props: { user: "ada" },
  };
  return { worker: exportedHandler(host, handlers, options), clock, work, context };
}

/** Messages, and what has become of them. */
function batch(queue: string, ...bodies: string[]) {
  const log: string[] = [];
  const messages: QueueMessage<string>[] = bodies.map((body, index) => {
    let open = true;
    const settle = (line: string): void => {
      if (open) log.push(`${body}: ${line}`);
      open = false;
    };
    return {
      id: `${index}`,
      timestamp: new Date(),
      body,
      attempts: index + 1,
      ack: () => settle("ack"),
      retry: (options) => settle(`retry ${options?.delaySeconds}`),
    };
  });
  return { queue, messages, log };
}

const request = new Request("http://localhost/");
const cron = (cron: string) => ({ cron, scheduledTime: 0 });

test("fetch gets the request, the bindings and what both contexts have", async () => {
  const { worker, context } = rig({
    fetch(request, env, { host, props, executionContext }) {
      return new Response([request.url, env, host.state, props.user, !!executionContext].join());
    },
  });
  const response = await worker.fetch(request, "env", context);
  assert.is(await response.text(), "http://localhost/,env,started,ada,true");
});

test("fetch may be that of a Hono application", async () => {
  let written = false;
  const app = new Hono().get("/", (c) => {
    c.executionCtx.waitUntil(Promise.resolve().then(() => written = true));
    return c.text("Hello");
  });
  const { worker, work, context } = rig({ fetch: app.fetch });
  assert.is(await (await worker.fetch(request, "env", context)).text(), "Hello");
  await Promise.all(work);
  assert.is(written, true);
});

test("an event without a handler fails and says so", async () => {
  const { worker, context } = rig({});
  const message = async (event: Promise<unknown>) => (await rejection(event)).message;
  assert.is(
    await message(worker.fetch(request, "env", context)),
    "Cannot answer a request: there is no fetch",
  );
  assert.is(
    await message(worker.scheduled(cron("0 3 * * *"), "env", context)),
    'Cannot run cron "0 3 * * *": scheduled has no such key',
  );
  assert.is(
    await message(worker.queue(batch("mails", "a"), "env", context)),
    'Cannot handle queue "mails": queue has no such key',
  );
});

test("a cron runs its function with a signal, or its service to the end", async () => {
  const log: unknown[] = [];
  const { worker, clock, context } = rig({
    scheduled: {
      "0 1 * * *": (signal, { env, controller }) => log.push(env, controller.cron, signal.aborted),
      "0 2 * * *": backgroundService("nightly", async () => log.push("nightly")),
      "0 3 * * *": backgroundService("endless", aborted),
      "0 4 * * *": (signal) => aborted(signal),
    },
  });
  await worker.scheduled(cron("0 1 * * *"), "env", context);
  await worker.scheduled(cron("0 2 * * *"), "env", context);
  assert.equal(log, ["env", "0 1 * * *", false, "nightly"]);
  for (const expression of ["0 3 * * *", "0 4 * * *"]) {
    const began = clock.now();
    const ended = worker.scheduled(cron(expression), "env", context).then(() => clock.now());
    await clock.advance(895_000);
    assert.is(await ended - began, 895_000, "of 900 s");
  }
});

test("a message is acked when it was handled, and retried when not, unless it was settled", async () => {
  const { worker, context } = rig({
    queue: {
      mails: {
        retry: { delay: 3_000, jitter: 0 },
        handle(message) {
          if (message.body === "later") message.retry({ delaySeconds: 60 });
          if (message.body === "done") message.ack();
          if (/done|bad/.test(message.body)) throw new Error("No address");
        },
      },
      plain: { handle: () => Promise.reject(new Error("No address")) },
    },
  });
  const mails = batch("mails", "good", "bad", "later", "done", "bad too");
  await worker.queue(mails, "env", context);
  assert.equal(mails.log, [
    "good: ack",
    "later: retry 60",
    "done: ack",
    "bad: retry 6",
    "bad too: retry 48",
  ]);
  const plain = batch("plain", "bad");
  await worker.queue(plain, "env", context);
  assert.equal(plain.log, ["bad: retry undefined"], "as the queue is configured");
});

test("the chance in the delay of a message that failed can be injected", async () => {
  const handle = (): never => {
    throw new Error("No address");
  };
  const { worker, context } = rig(
    { queue: { mails: { retry: { delay: 8_000, jitter: 0.5 }, handle } } },
    { random: () => 0.5 },
  );
  const mails = batch("mails", "bad");
  await worker.queue(mails, "env", context);
  assert.equal(mails.log, ["bad: retry 6"]);
});

test("near the limit of a batch, what is not done is retried without a delay", async () => {
  const { worker, clock, context } = rig({
    queue: {
      mails: { retry: {}, handle: ({ body }) => body === "hangs" ? hang() : undefined },
    },
  }, { eventLimit: 1_000 });
  const mails = batch("mails", "good", "hangs", "late");
  const ended = worker.queue(mails, "env", context);
  await clock.advance(749);
  assert.equal(mails.log, ["good: ack"]);
  await clock.advance(10);
  await ended;
  assert.equal(mails.log, ["good: ack", "hangs: retry undefined", "late: retry undefined"]);
  assert.is(clock.pending, 0);
});

test("a batch begins no slice of background work, as acks would wait for it", async () => {
  const log: string[] = [];
  const clock = new FakeClock();
  const host = lazyHost(() => [], {
    clock,
    logger: false,
    background:
      () => [backgroundService("ticker", (signal) => (log.push("slice"), aborted(signal)))],
  });
  const worker = exportedHandler(host, {
    fetch: () => new Response(),
    queue: { mails: { handle: () => log.push("mail") } },
  });
  const { context } = rig({});
  await worker.queue(batch("mails", "a"), {}, context);
  await quiet();
  assert.equal(log, ["mail"]);
  await worker.fetch(request, {}, context);
  await quiet();
  assert.equal(log, ["mail", "slice"]);
  const stopping = host.stop();
  await clock.advance(20);
  await stopping;
});

test("wrong handlers and options are refused by name", () => {
  const host = lazyHost(() => []);
  const message = (handlers: unknown, options?: ExportedHandlerOptions): string =>
    thrown(() => exportedHandler(host, handlers as WorkerHandlers, options)).message;
  assert.match(
    thrown(() => exportedHandler({} as never, {})).message,
    "Cannot use exportedHandler host",
  );
  assert.match(message({ fetch: "Hello" }), "Cannot use fetch: expected function, got string");
  assert.match(message({ scheduled: { "* * * * *": {} } }), 'Cannot use scheduled["* * * * *"]');
  assert.match(message({ queue: { mails: {} } }), 'Cannot use queue["mails"].handle');
  const mails = (settings: object): string =>
    message({ queue: { mails: { handle() {}, ...settings } } });
  assert.match(
    mails({ concurrency: 1.5 }),
    'Cannot use queue["mails"].concurrency: 1.5 is no whole',
  );
  assert.match(mails({ timeout: -1 }), 'Cannot use queue["mails"].timeout: -1 is not 0 or more');
  assert.match(message({ queue: null }), "Cannot use queue: expected object, got null");
  assert.match(message({ scheduled: null }), "Cannot use scheduled: expected object, got null");
  const label = "Cannot use exportedHandler";
  assert.match(message(undefined), `${label} handlers: expected object, got undefined`);
  assert.match(message({}, null as never), `${label} options: expected object, got null`);
  assert.match(message({}, { fetchLimit: -1 }), `${label} options.fetchLimit: -1`);
  assert.match(message({}, { eventLimit: NaN }), `${label} options.eventLimit: NaN`);
});

test("the entry for events has all of the core but the runHost of a process", async () => {
  const [core, workers] = [await import("../mod.ts"), await import("../src/runtime/workers.ts")];
  const missing = Object.keys(core).filter((name) => !(name in workers));
  assert.equal(missing, ["runHost"]);
});

test.run();
