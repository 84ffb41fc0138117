import { test } from "uvu";
import * as assert from "uvu/assert";
import { AsyncLocalStorage } from "node:async_hooks";
import {
  consumer,
  type ConsumerDefinition,
  InputError,
  type Item,
  json,
  type StandardSchema,
} from "../src/consumers/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { ListSource } from "./_list_source.ts";
import { type Rig, rig } from "./_rig.ts";

guard(test);

/** A schema of any library: whole numbers, from text or as they are. */
const whole: StandardSchema<number> = {
  "~standard": {
    validate(value) {
      const number = Number(value);
      if (Number.isInteger(number)) return { value: number };
      return { issues: [{ message: "No whole number", path: ["order", { key: "id" }, 0] }] };
    },
  },
};

async function run<T, Raw>(
  values: readonly Raw[],
  definition: Omit<ConsumerDefinition<T, Raw>, "source">,
): Promise<Rig & { source: ListSource<Raw>; details: () => Record<string, number> }> {
  const source = new ListSource<Raw>(values);
  const worker = consumer<T, Raw>("w", {
    random: () => 0,
    ...definition,
    source,
  } as never);
  const it = rig([worker]);
  await it.host.start();
  await quiet();
  return { ...it, source, details: () => worker.details as never };
}

test("consumer() gives the handler what the schema makes of a value", async () => {
  const seen: unknown[] = [];
  const validate = whole["~standard"].validate;
  const later: StandardSchema<number> = {
    "~standard": { validate: async (value) => (await quiet(), validate(value)) },
  };
  const callable = Object.assign(() => "never called", whole);
  for (const input of [whole, later, callable, json(whole), Number]) {
    const { host, source } = await run<number, string>(["1"], {
      input,
      handle(value, _signal, { delivery }) {
        seen.push(value, delivery.value);
      },
    });
    await quiet();
    assert.equal(source.log, ["ack 1"]);
    await host.stop();
  }
  assert.equal(seen, [1, "1", 1, "1", 1, "1", 1, "1", 1, "1"]);
});

test("consumer() knows the types of input and handler from each other", async () => {
  const source = new ListSource(["1"]);
  const worker = consumer("w", {
    source,
    input: whole,
    handle: (value) => value.toFixed(2), // a number
    onDeadLetter: (value) => value.toUpperCase(), // a text
  });
  consumer("w", { source, input: (raw) => [raw.length], handle: ([length]) => length?.toFixed() });
  consumer("w", { source, input: json(whole), handle: (value) => value.toFixed(2) });
  consumer("w", { source, input: json(() => 5), handle: (value) => value.toFixed(2) });
  consumer("w", { source, handle: (value) => value.toUpperCase() });
  const { host } = rig([worker]);
  await host.start();
  await quiet();
  await host.stop();
  assert.equal(source.log, ["ack 1"]);
});

test("consumer() makes a refused value a dead letter without another attempt", async () => {
  const dead: [string, unknown][] = [];
  let handled = 0;
  const { host, source, details, lines } = await run<number, string>(["x", "2"], {
    input: whole,
    retry: { attempts: 5 },
    handle: () => handled++,
    onDeadLetter: (value, error) => dead.push([value, error]),
  });
  const [[value, error]] = dead as [[string, InputError]];
  assert.equal([value, handled], ["x", 1]);
  assert.instance(error, InputError);
  assert.equal([error.name, error.code], ["InputError", "ERR_INPUT"]);
  assert.is(error.message, "The schema refuses the value: order.id.0: No whole number");
  assert.is(error.issues.length, 1);
  assert.equal(source.log.sort(), [`ack 2`, `reject x: ${error.message}`]);
  const { failed, retried, deadLettered, done } = details();
  assert.equal([failed, retried, deadLettered, done], [1, 0, 1, 1]);
  assert.equal(lines.heads, [
    `error: Service "w" refused the value of an item (attempt 1 of 5): InputError: ${error.message}`,
  ]);
  await host.stop();
});

test("consumer() takes what an input throws for why it is refused", async () => {
  const error = new TypeError("Not this one");
  const refuse = (): never => {
    throw error;
  };
  const schema: StandardSchema<string> = { "~standard": { validate: refuse } };
  for (const input of [refuse, async () => refuse(), schema]) {
    const { host, source } = await run<string, string>(["a"], { input, handle() {} });
    assert.equal(source.log, ["reject a: Not this one"]);
    await host.stop();
  }
});

test("consumer() releases a refused value that nobody took note of, as ever", async () => {
  let open = false;
  const { clock, host, source } = await run<number, string>(["x"], {
    input: whole,
    handle() {},
    retry: { delay: 100 },
    onDeadLetter() {
      if (!open) throw new Error("Closed");
    },
  });
  open = true;
  await clock.advance(100);
  assert.match(source.log.join(), /^release x 100,reject x/);
  await host.stop();
});

test("consumer() decodes once for all attempts, and keeps the `this` of its definition", async () => {
  const definition = {
    decoded: 0,
    input(raw: string) {
      this.decoded++;
      return { raw };
    },
    retry: { attempts: 3, delay: 1 },
    handle: () => Promise.reject(new Error("Bad")),
    seen: [] as unknown[],
    onDeadLetter(value: string) {
      this.seen.push(value);
    },
  };
  const source = new ListSource(["a"]);
  const worker = consumer("w", Object.assign(definition, { source }));
  const { host, clock } = rig([worker]);
  await host.start();
  await clock.advance(10);
  assert.equal([definition.decoded, definition.seen], [1, ["a"]]);
  await host.stop();
});

test("consumer() begins no attempt when the grace ends while it decodes", async () => {
  const gate = new Gate();
  let handled = 0;
  const { clock, host, source } = await run<string, string>(["a"], {
    input: (raw) => gate.promise.then(() => raw),
    stopTimeout: 10,
    handle: () => handled++,
  });
  const stopped = new Fate(host.stop());
  await clock.advance(20);
  assert.equal(source.log, ["release a 0"]);
  gate.open();
  await quiet();
  assert.equal([handled, stopped.state, source.log.length], [0, "fulfilled", 1]);
});

test("consumer() finishes what it decodes when it is asked to stop", async () => {
  const gate = new Gate();
  const { host, source } = await run<string, string>(["a"], {
    input: (raw) => gate.promise.then(() => raw),
    handle() {},
  });
  const stopped = host.stop();
  gate.open();
  await stopped;
  assert.equal(source.log, ["ack a"]);
});

/** What a schema makes of a value. */
async function read<T>(schema: StandardSchema<T>, raw: unknown): Promise<T> {
  return (await schema["~standard"].validate(raw) as { readonly value: T }).value;
}

test("json() reads text and bytes", async () => {
  const bytes = new TextEncoder().encode('{"a":"ü"}');
  const inside = new Uint8Array([32, ...bytes, 125]).subarray(1, bytes.length + 1);
  for (const raw of ['{"a":"ü"}', bytes, inside, bytes.buffer]) {
    assert.equal(await read(json(), raw), { a: "ü" });
  }
  assert.is(await read(json(whole), "5"), 5);
  assert.is(await read(json((value) => `${value}!`), "5"), "5!");
});

test("json() refuses what is none, and names what it cannot use", async () => {
  const wrong = async (raw: unknown): Promise<Error> => await rejection(read(json(), raw));
  assert.is((await wrong("{")).name, "SyntaxError");
  assert.is((await wrong(new Uint8Array([34, 255, 34]))).name, "TypeError");
  const message = "Cannot read JSON: expected text or bytes, got";
  assert.is((await wrong({})).message, `${message} object`);
  assert.is((await wrong(null)).message, `${message} null`);
  assert.is((await rejection(read(json(whole), '"x"'))).name, "InputError");
  const none = thrown(() => json({} as never)).message;
  assert.is(none, "Cannot use schema: expected function, got object Object");
});

test("consumer() runs something around each attempt", async () => {
  const storage = new AsyncLocalStorage<string>();
  const log: string[] = [];
  const { host, source, clock } = await run<string, string>(["a"], {
    retry: { delay: 10 },
    async around(next: () => Promise<unknown>, { attempt, delivery }: Item<string>) {
      log.push(`before ${attempt}`);
      try {
        await storage.run(`${delivery.value} ${attempt}`, next);
      } finally {
        log.push(`after ${attempt}`);
      }
    },
    async handle(_value, _signal, { attempt }) {
      await undefined;
      log.push(`in ${storage.getStore()}`);
      if (attempt === 1) throw new Error("Again");
    },
  });
  await clock.advance(10);
  assert.equal(log, ["before 1", "in a 1", "after 1", "before 2", "in a 2", "after 2"]);
  assert.equal(source.log, ["ack a"]);
  await host.stop();
});

test("consumer() takes what is around an attempt for its outcome", async () => {
  const error = new Error("Bad");
  const fail = (): Promise<never> => Promise.reject(error);
  const outcomes: Record<string, [ConsumerDefinition<string>["around"], () => unknown]> = {
    "ack a": [async (next) => void await next().catch(() => {}), fail], // it has seen the failure
    "ack b": [() => {}, fail], // the work is skipped
    "ack c": [(next) => void next(), async () => {}],
    "reject d: Bad": [(next) => void next(), fail], // nobody has seen it
    "reject e: Bad": [fail, async () => {}],
    "reject f: Bad": [(next) => next().then(fail), async () => {}],
    "reject g: Bad": [() => {
      throw error;
    }, async () => {}],
    "reject h: Bad": [async (next) => void await Promise.all([next(), next()]), fail],
  };
  for (const [outcome, [around, handle]] of Object.entries(outcomes)) {
    const value = outcome.split(" ")[1]!.slice(0, 1);
    const { host, source } = await run<string, string>([value], {
      retry: { attempts: 1 },
      around,
      handle,
    } as never);
    assert.equal(source.log, [outcome]);
    await host.stop();
  }
});

test("consumer() runs the handler once in each attempt, and tries again when it has ended", async () => {
  const gate = new Gate();
  let running = 0;
  let most = 0;
  let begun = 0;
  const { host, source, clock } = await run<string, string>(["a"], {
    retry: { delay: 10 },
    around(next: () => Promise<unknown>) {
      next();
      next();
      if (begun === 1) throw new Error("Around failed first");
    },
    async handle() {
      begun++;
      most = Math.max(most, ++running);
      await gate.promise;
      running--;
    },
  } as never);
  await clock.advance(1_000);
  assert.equal([begun, running], [1, 1]);
  gate.open();
  await clock.advance(10);
  assert.equal([begun, running, most, source.log], [2, 0, 1, ["ack a"]]);
  await host.stop();
});

test("consumer() does not run the handler when the attempt is over", async () => {
  let late: (() => Promise<unknown>) | undefined;
  let handled = 0;
  const { host, source } = await run<string, string>(["a"], {
    around: (next: () => Promise<unknown>) => void (late = next),
    handle: () => handled++,
  } as never);
  assert.equal(source.log, ["ack a"]);
  const called = new Fate(late!());
  void late!(); // nobody listens to this one
  await quiet();
  assert.match((called.reason as Error).message, 'was called after "around" had ended');
  assert.is(handled, 0);
  await host.stop();
});

test("consumer() keeps the `this` of what is around an attempt", async () => {
  const definition = {
    source: new ListSource(["a"]),
    seen: 0,
    around(next: () => Promise<unknown>) {
      this.seen++;
      return next();
    },
    handle() {},
  };
  const { host } = rig([consumer<string>("w", definition)]);
  await host.start();
  await quiet();
  await host.stop();
  assert.is(definition.seen, 1);
});

test("consumer() does not try again what is not retryable", async () => {
  const asked: unknown[] = [];
  const bad = new Error("Bad request");
  const { host, source, clock, details } = await run<string, string>(["never", "again"], {
    concurrency: 2,
    retry: {
      attempts: 2,
      delay: 10,
      retryable: (error) => (asked.push(error), error !== bad),
    },
    handle: (value) => Promise.reject(value === "never" ? bad : new Error("Busy")),
  });
  assert.equal(source.log, ["reject never: Bad request"]);
  await clock.advance(10);
  assert.equal(source.log, ["reject never: Bad request", "reject again: Busy"]);
  assert.equal(asked.map(String), ["Error: Bad request", "Error: Busy"]); // no more after the last
  assert.is(details()["retried"], 1);
  await host.stop();
});

test("consumer() tries again when only something like false says no, or the question fails", async () => {
  const answers: (() => unknown)[] = [() => undefined, () => 0, async () => false, () => {
    throw new Error("No idea");
  }];
  for (const retryable of answers) {
    const { host, source, clock, lines } = await run<string, string>(["a"], {
      retry: { attempts: 2, delay: 10, retryable: retryable as never },
      handle: () => Promise.reject(new Error("Bad")),
    });
    assert.equal(source.log, []);
    await clock.advance(10);
    assert.equal(source.log, ["reject a: Bad"]);
    const told = lines.heads.filter((line) => line.includes("No idea"));
    assert.is(told.length, retryable === answers[3] ? 1 : 0);
    await host.stop();
  }
});

test("consumer() waits for the end of the grace alone while the handler hangs in something", async () => {
  const { host, clock, source } = await run<string, string>(["a"], {
    around: (next: () => Promise<unknown>) => next(),
    stopTimeout: 10,
    handle: hang,
  } as never);
  const stopped = new Fate(host.stop());
  await clock.advance(11);
  assert.equal(source.log, ["release a 0"]);
  await clock.advance(100_000);
  assert.is(stopped.state, "rejected");
});

test.run();
