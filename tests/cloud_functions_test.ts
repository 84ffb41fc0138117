/** A lazy host in an AWS Lambda handler and in an Azure Functions queue trigger, as those call it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  aborted,
  backgroundService,
  delay,
  handleBatch,
  hostedService,
  lazyHost,
  type Logger,
} from "../src/runtime/workers.ts";
import { rejection } from "./_fate.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Gate, hang } from "./_gate.ts";
import { Lines } from "./_lines.ts";

/** What Lambda hands over beside the event; much of it left out. */
interface LambdaContext {
  readonly functionName: string;
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
interface SqsEvent {
  readonly Records: readonly {
    readonly messageId: string;
    readonly receiptHandle: string;
    readonly body: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly eventSource: "aws:sqs";
  }[];
}

/** What turns a batch into its messages one by one, with `ReportBatchItemFailures`. */
interface SqsResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

function sqs(...bodies: string[]): SqsEvent {
  return {
    Records: bodies.map((body, index) => ({
      messageId: `message-${index}`,
      receiptHandle: `handle-${index}`,
      body,
      attributes: { ApproximateReceiveCount: "1" },
      eventSource: "aws:sqs",
    })),
  };
}

/** One function with its host, called as Lambda does: one invocation after the other. */
function lambda(work: (body: string, signal: AbortSignal) => unknown, concurrency = 1) {
  const clock = new FakeClock();
  const lines = new Lines();
  const log: string[] = [];
  const host = lazyHost(() => [
    hostedService("pool", { start: () => log.push("open"), stop: () => log.push("close") }),
  ], { clock, logger: lines });

  // The handler as a user writes it.
  const handler = (event: SqsEvent, context: LambdaContext): Promise<SqsResponse> =>
    host.handle({ limit: context.getRemainingTimeInMillis() }, async (context) => {
      const failures = await handleBatch(
        event.Records,
        ({ body }, signal) => work(body, signal),
        { ...context, concurrency },
      );
      return {
        batchItemFailures: failures.map(({ item }) => ({ itemIdentifier: item.messageId })),
      };
    });

  const invoke = (event: SqsEvent, timeout = 30_000): Promise<SqsResponse> => {
    const end = clock.now() + timeout;
    return handler(event, {
      functionName: "orders",
      awsRequestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
      getRemainingTimeInMillis: () => end - clock.now(),
    });
  };
  return { clock, lines, log, invoke, host };
}

const aws = suite("AWS Lambda");

aws("the host starts in the first invocation and stays for the next", async () => {
  const done: string[] = [];
  const { invoke, log, clock } = lambda((body) => done.push(body));
  assert.equal(await invoke(sqs("a", "b")), { batchItemFailures: [] });
  assert.equal(await invoke(sqs("c")), { batchItemFailures: [] });
  assert.equal(done, ["a", "b", "c"]);
  assert.equal(log, ["open"]);
  assert.is(clock.pending, 0, "Lambda freezes what is left");
});

aws("the messages that failed are named in batchItemFailures, no other", async () => {
  const { invoke, lines } = lambda((body) => JSON.parse(body));
  assert.equal(await invoke(sqs("{}", "no JSON", "[]", "neither")), {
    batchItemFailures: [{ itemIdentifier: "message-1" }, { itemIdentifier: "message-3" }],
  });
  assert.is(
    lines.heads.filter((line) => /^error: An item of a batch failed: /.test(line)).length,
    2,
  );
});

aws(
  "near the timeout no message is begun, one that hangs is given up, and Lambda told in time",
  async () => {
    const seen: string[] = [];
    const { invoke, clock, lines } = lambda((body) => (seen.push(body), body === "bad" && hang()));
    const response = invoke(sqs("good", "bad", "late"), 20_000);
    await clock.advance(19_999);
    assert.equal(await response, {
      batchItemFailures: [{ itemIdentifier: "message-1" }, { itemIdentifier: "message-2" }],
    });
    assert.equal(seen, ["good", "bad"]);
    assert.match(lines.all.join("\n"), "warn: 1 items of a batch were not begun: its time is over");
    assert.is(clock.pending, 0);
  },
);

aws("a message that was begun in time may use the rest of it", async () => {
  const { invoke, clock } = lambda(() => delay(16_000, { clock }));
  const response = invoke(sqs("a", "b"), 20_000);
  await clock.advance(16_000);
  assert.equal(await response, { batchItemFailures: [{ itemIdentifier: "message-1" }] });
});

aws("a message that looks at its signal is cut off before the timeout", async () => {
  const { invoke, clock } = lambda((_, signal) => delay(60_000, { signal, clock }), 2);
  const response = invoke(sqs("a", "b"), 20_000);
  const pending = response.then(() => clock.pending);
  await clock.advance(19_000);
  const { batchItemFailures } = await response;
  assert.is(await pending, 0);
  assert.equal(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier), [
    "message-0",
    "message-1",
  ]);
});

aws("no more messages than wanted are handled at the same time", async () => {
  let now = 0;
  let most = 0;
  const { invoke, clock } = lambda(async () => {
    most = Math.max(most, ++now);
    await delay(10, { clock });
    now--;
  }, 2);
  const response = invoke(sqs("a", "b", "c", "d", "e"));
  await clock.advance(30);
  assert.equal(await response, { batchItemFailures: [] });
  assert.is(most, 2);
});

aws("a start that fails fails the invocation, and the next one tries again", async () => {
  let fails = true;
  const host = lazyHost(() => [
    hostedService("pool", {
      start() {
        if (fails) throw new Error("No database");
      },
    }),
  ], { logger: false });
  const handler = (_event: unknown, context: LambdaContext): Promise<string> =>
    host.handle({ limit: context.getRemainingTimeInMillis() }, () => "Hello");
  const context = {
    functionName: "hello",
    awsRequestId: "1",
    getRemainingTimeInMillis: () => 3_000,
  };
  assert.is((await rejection(handler({}, context))).message, "No database");
  fails = false;
  assert.is(await handler({}, context), "Hello");
});

aws.run();

/** What Azure Functions hands over beside the item; much of it left out. */
interface InvocationContext {
  readonly invocationId: string;
  readonly functionName: string;
  readonly triggerMetadata?: Readonly<Record<string, unknown>>;
  log(...args: unknown[]): void;
  error(...args: unknown[]): void;
}

/**
 * The part of `app` that counts here: https://learn.microsoft.com/azure/azure-functions/functions-reference-node
 * An item whose handler rejects comes again, and after `maxDequeueCount` deliveries goes to the
 * poison queue. Items of one queue are handled at the same time.
 */
class FunctionApp {
  readonly poison: unknown[] = [];
  readonly lines: string[] = [];
  readonly maxDequeueCount = 5;
  #handler: ((item: never, context: InvocationContext) => unknown) | undefined;
  #terminate: (() => unknown) | undefined;

  storageQueue<T>(_name: string, options: {
    readonly queueName: string;
    readonly connection: string;
    readonly handler: (item: T, context: InvocationContext) => unknown;
  }): void {
    this.#handler = options.handler;
  }

  readonly hook = {
    appTerminate: (callback: () => unknown): void => void (this.#terminate = callback),
  };

  async deliver(...items: unknown[]): Promise<void> {
    await Promise.all(items.map((item) => this.#deliver(item)));
  }

  async terminate(): Promise<void> {
    await this.#terminate?.();
  }

  async #deliver(item: unknown): Promise<void> {
    for (let dequeueCount = 1; dequeueCount <= this.maxDequeueCount; dequeueCount++) {
      try {
        return void await this.#handler?.(item as never, {
          invocationId: `invocation-${dequeueCount}`,
          functionName: "orders",
          triggerMetadata: { dequeueCount },
          log: (...args) => void this.lines.push(args.join(" ")),
          error: (...args) => void this.lines.push(args.join(" ")),
        });
      } catch (error) {
        this.lines.push(`Exception: ${(error as Error).message}`);
      }
    }
    this.poison.push(item);
  }
}

/** An app with one queue, and the host behind it. */
function azure(
  work: (item: string, signal: AbortSignal) => unknown,
  logger: Logger | false = false,
) {
  const clock = new FakeClock();
  const app = new FunctionApp();
  const log: string[] = [];
  const host = lazyHost(() => [
    hostedService("pool", { start: () => log.push("open"), stop: () => log.push("close") }),
    backgroundService("metrics", (signal) => aborted(signal)), // the process stays: it may run
  ], { clock, logger });

  // The app as a user writes it.
  const functionTimeout = 5 * 60_000; // as in host.json
  app.storageQueue("orders", {
    queueName: "orders",
    connection: "AzureWebJobsStorage",
    handler: (item: string, context) =>
      host.handle({ limit: functionTimeout }, async ({ signal }) => {
        context.log(`Order ${item}`);
        await work(item, signal);
      }),
  });
  app.hook.appTerminate(() => host.stop());
  return { app, clock, log, host };
}

const functions = suite("Azure Functions");

functions("items that come at once share one host, which stops with the app", async () => {
  const done: string[] = [];
  const { app, clock, log } = azure((item) => done.push(item));
  const delivered = app.deliver("a", "b", "c");
  await clock.advance(10);
  await delivered;
  assert.equal(done.sort(), ["a", "b", "c"]);
  assert.equal(app.lines.sort(), ["Order a", "Order b", "Order c"]);
  assert.equal(log, ["open"]);
  await app.terminate();
  assert.equal(log, ["open", "close"]);
  assert.is(clock.pending, 0);
});

functions("an item that fails comes again, and in the end goes to the poison queue", async () => {
  let tries = 0;
  const { app } = azure((item) => {
    if (item === "bad") throw new Error("No such order");
    if (item === "shy" && ++tries < 3) throw new Error("Not yet");
  });
  await app.deliver("bad");
  await app.deliver("shy");
  assert.equal(app.poison, ["bad"]);
  assert.is(tries, 3);
  assert.is(app.lines.filter((line) => line === "Exception: No such order").length, 5);
  await app.terminate();
});

functions("an item is told before the functionTimeout, which would end the process", async () => {
  let ended = 0;
  const { app, clock } = azure(async (_, signal) => {
    await aborted(signal);
    ended = clock.now();
  });
  const delivered = app.deliver("endless");
  await clock.advance(5 * 60_000 - 5_000);
  await delivered;
  assert.is(ended, 295_000);
  await app.terminate();
});

functions(
  "a background service that fails is logged, and the next item gets a new host",
  async () => {
    const lines = new Lines();
    const broken = new Gate();
    let endpoint: Promise<unknown> = broken.promise;
    const host = lazyHost(() => [
      backgroundService("metrics", (signal) => Promise.race([endpoint, aborted(signal)])),
    ], { logger: lines });
    await host.handle({}, () => {});
    broken.fail(new Error("No endpoint"));
    await quiet();
    const first = host.host;
    assert.is(first?.lifetime.stopping.aborted, true);
    assert.match(lines.all.join(), "No endpoint");
    endpoint = hang();
    await host.handle({}, () => {});
    assert.is.not(host.host, first);
    assert.is(host.host?.state, "started");
    await host.stop();
  },
);

functions("handleBatch() says what is wrong with its arguments", async () => {
  const refused = async (...args: readonly unknown[]): Promise<string> =>
    (await rejection((handleBatch as (...args: unknown[]) => Promise<unknown>)(...args))).message;
  const none = (): void => {};
  const label = "Cannot use handleBatch options";
  for (
    const [args, message] of [
      [[undefined, none], "Cannot use handleBatch items: expected a list, got undefined"],
      [[[], {}], "Cannot use handleBatch handle: expected function, got object Object"],
      [[[], none, null], `${label}: expected object, got null`],
      [[[], none, { concurrency: 0 }], `${label}.concurrency: 0 is no whole number from 1`],
      [[[], none, { concurrency: 1.5 }], `${label}.concurrency: 1.5 is no whole number from 1`],
      [[[], none, { timeout: -1 }], `${label}.timeout: -1 is not 0 or more`],
      [[[], none, { signal: 5 }], `${label}.signal: expected an AbortSignal, got number 5`],
      [[[], none, { logger: {} }], `${label}.logger.warn: expected function, got undefined`],
    ] as const
  ) {
    assert.is(await refused(...args), message);
  }
});

functions.run();
