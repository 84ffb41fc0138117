import { check as checkShape, checkFinite, checkWord, nothing } from "../_check.ts";
import { textOf } from "../_log.ts";
import {
  Bench,
  show,
  type SourceContractOptions,
  type SourceFixture,
  type SourceTrait,
} from "./_source_bench.ts";
import { broken, checkContractOptions, type ContractCheck, withFixture } from "./contract.ts";
import type { Delivery } from "../consumers/source.ts";

export type { SourceContractOptions, SourceFixture, SourceTrait };

const words: readonly SourceTrait[] = [
  "counts",
  "delays",
  "lease",
  "shares",
  "orders",
  "headers",
  "deadLetters",
  "outages",
  "crashes",
];

/** What a fixture has to have for a trait. */
const takes: {
  readonly [trait in SourceTrait]?: readonly ("deadLetters" | "breakDown" | "repair" | "kill")[];
} = { deadLetters: ["deadLetters"], outages: ["breakDown", "repair"], crashes: ["kill"] };

/**
 * What every `Source` must keep, as checks for any test runner: whoever writes one for an engine runs
 * them with the real engine.
 *
 * @param make Gives an empty queue; called once for each check.
 * @param options What the source can do, and how long to wait.
 * @throws {TypeError} If `can` has a word that is no trait, or a number is none. A check rejects with one
 * if its fixture has not what a trait takes.
 * @throws {RangeError} If a time is negative, `NaN` or not finite.
 *
 * @example A source in memory, on a fake clock
 * ```ts
 * import { FakeClock, FakeSource, sourceContract, type SourceFixture } from "@runhost/host/testing";
 *
 * function make(): SourceFixture<string> {
 *   const clock = new FakeClock();
 *   const source = new FakeSource<string>([], { clock });
 *   return { clock, open: () => source.another(), send: (text) => source.push(text) };
 * }
 *
 * for (const { run } of sourceContract(make, { can: ["counts", "shares"] })) {
 *   await run(); // test(name, run), with the runner of your choice
 * }
 * ```
 *
 * @typeParam T What its sources deliver.
 */
export function sourceContract<T>(
  make: () => SourceFixture<T> | Promise<SourceFixture<T>>,
  options: SourceContractOptions = {},
): readonly ContractCheck[] {
  const can = new Set(options.can ?? []);
  for (const trait of can) checkWord("the trait of a source", trait, words);
  checkContractOptions("sourceContract", options);
  if (can.has("lease")) checkFinite('holdTimeout, as "lease" is in can', options.holdTimeout);
  return checks
    .filter(({ needs = [] }) => needs.every((trait) => can.has(trait)))
    .map(({ name, needs = [], check }) => ({
      name,
      run: () =>
        withFixture(make, async (fixture) => {
          for (const trait of needs) {
            for (const member of takes[trait] ?? []) {
              checkShape(
                `the fixture's ${member}, as "${trait}" is in can`,
                fixture[member],
                nothing,
              );
            }
          }
          const bench = new Bench<T>(fixture, options, can);
          await bench.run(check as Check<T>);
        }),
    }));
}

type Check<T> = (bench: Bench<T>) => Promise<void>;

function isHealthy(answer: unknown): boolean {
  return answer !== false;
}

/** Whether the source says that a delivery is lost, or need not: a lease runs out by itself. */
async function isKnownLost<T>(bench: Bench<T>, delivery: Delivery<T>): Promise<boolean> {
  if (delivery.lost?.aborted || delivery.hold === "lease") return true;
  const extended = (async () => await delivery.extend?.())();
  extended.catch(nothing);
  return await bench.settles(extended) && await extended.catch(() => {}) === false;
}

const checks: readonly {
  readonly name: string;
  readonly needs?: readonly SourceTrait[];
  readonly check: Check<unknown>;
}[] = [
  {
    name: "a source and its deliveries have what they say, and no more",
    async check(bench) {
      const opened = await bench.open();
      const { source } = opened;
      const { delays = false, pollInterval = 0, receiveRetry = {}, health } = source;
      const wrong = (what: string, value: unknown, look: string): Error =>
        broken(what, `it is ${textOf(value)}`, look);
      if (typeof delays !== "boolean") throw wrong("delays is a boolean", delays, "Source.delays");
      if (!(pollInterval >= 0 && pollInterval < Infinity)) {
        throw wrong("pollInterval is 0 or more, and finite", pollInterval, "Source.pollInterval");
      }
      if (typeof receiveRetry !== "object") {
        throw wrong("receiveRetry is an object", receiveRetry, "Source.receiveRetry");
      }
      if (delays !== bench.can.has("delays")) {
        throw wrong(
          `delays is ${!delays}, as "delays" is ${delays ? "not " : ""}in the option can`,
          delays,
          "Source.delays, and the options of sourceContract",
        );
      }
      if (health && !isHealthy(await bench.fulfils("health()", () => source.health?.(signal())))) {
        throw wrong("health() does not answer false", false, "health()");
      }

      await bench.send("a", "b");
      const deliveries = await opened.take(2);
      for (const delivery of deliveries) {
        const { attempt, headers, hold = "connection", extendEvery, lost } = delivery;
        for (const call of ["ack", "release", "reject"] as const) {
          if (typeof delivery[call] !== "function") {
            throw wrong(`a delivery has ${call}()`, typeof delivery[call], "what receive() makes");
          }
        }
        if (attempt !== undefined && !(Number.isInteger(attempt) && attempt >= 1)) {
          throw wrong("attempt is a whole number from 1", attempt, "Delivery.attempt");
        }
        if ((attempt !== undefined) !== bench.can.has("counts")) {
          const listed = attempt === undefined ? "" : "not ";
          throw wrong(
            `attempt is ${
              attempt === undefined ? "a number" : "left out"
            }, as "counts" is ${listed}in the option can`,
            attempt,
            "Delivery.attempt, and the options of sourceContract",
          );
        }
        if (headers !== undefined && (typeof headers !== "object" || headers === null)) {
          throw wrong("headers is an object", headers, "Delivery.headers");
        }
        if (hold !== (bench.can.has("lease") ? "lease" : "connection")) {
          throw wrong(
            `hold is not "${hold}", as "lease" is ${
              hold === "lease" ? "not " : ""
            }in the option can`,
            hold,
            "Delivery.hold, and the options of sourceContract",
          );
        }
        if (extendEvery !== undefined && !(extendEvery > 0 && delivery.extend)) {
          throw wrong(
            "extendEvery is more than 0, and there is extend()",
            extendEvery,
            "Delivery.extendEvery",
          );
        }
        if (lost?.aborted) throw wrong("lost has not aborted", lost.reason, "Delivery.lost");
      }
      const [first, second] = deliveries;
      if (first?.lost && first.lost === second?.lost) {
        throw broken(
          "each delivery has a signal of its own",
          "two have the same",
          "Delivery.lost: Node warns of the eleventh listener on one",
        );
      }
      for (const delivery of deliveries) await bench.ack(delivery);
    },
  },
  {
    name: "receive() answers with what was sent, once",
    async check(bench) {
      await bench.send("before");
      const opened = await bench.open();
      await bench.send("after");
      const look = "receive(), and Fixture.read";
      const deliveries = await opened.take(2);
      bench.same(bench.texts(deliveries), ["after", "before"], "what was sent is delivered", look);
      await opened.silent("what is held is not delivered again", "how receive() takes a value");
      for (const delivery of deliveries) await bench.ack(delivery);
    },
  },
  {
    name: "receive() waits for what comes later, or answers with nothing",
    async check(bench) {
      const opened = await bench.open();
      await opened.silent("an empty queue delivers nothing", "receive()");
      await bench.send("a");
      await bench.ack(await opened.one());
    },
  },
  {
    name: "receive() answers with no more than max, and with all in the end",
    async check(bench) {
      const sent = ["a", "b", "c", "d", "e"];
      await bench.send(...sent);
      const opened = await bench.open(2);
      const seen: string[] = [];
      for (const count of [2, 2, 1]) {
        const deliveries = await opened.take(count);
        seen.push(...bench.texts(deliveries));
        for (const delivery of deliveries) await bench.ack(delivery);
      }
      await opened.silent("each value is delivered once", "receive()");
      bench.same(seen, sent, "each value is delivered once", "receive()");
    },
  },
  {
    name: "deliveries come in the order in which values were sent",
    needs: ["orders"],
    async check(bench) {
      const sent = ["a", "b", "c", "d", "e"];
      await bench.send(...sent);
      const opened = await bench.open();
      const seen: string[] = [];
      while (seen.length < sent.length) {
        const delivery = await opened.one();
        seen.push(bench.read(delivery));
        await bench.ack(delivery);
      }
      if (seen.join() !== sent.join()) {
        throw broken(`the order is ${show(sent)}`, `it was ${show(seen)}`, "receive()");
      }
    },
  },
  {
    name: "what travels beside a value is in its headers, each time",
    needs: ["headers"],
    async check(bench) {
      const headers = { traceparent: "00-1", tenant: "x" };
      await bench.fulfils("the fixture's send()", () => bench.fixture.send("a", headers));
      const opened = await bench.open();
      for (const settle of ["release", "ack"] as const) {
        const delivery = await opened.one();
        for (const [name, value] of Object.entries(headers)) {
          const found = delivery.headers?.[name];
          const text = found instanceof Uint8Array ? new TextDecoder().decode(found) : found;
          if (text === value) continue;
          throw broken(
            `the header ${name} is ${value}`,
            `it is ${textOf(text)}`,
            "Delivery.headers",
          );
        }
        await bench[settle](delivery);
      }
    },
  },
  {
    name: "no other source gets what one holds",
    needs: ["shares"],
    async check(bench) {
      await bench.send("a");
      const [first, second] = [await bench.open(), await bench.open()];
      const delivery = await first.one();
      await second.silent("nobody else gets what is held", "how receive() takes a value");
      await bench.ack(delivery);
    },
  },
  {
    name: "a source takes no more from others than it was asked for",
    needs: ["shares"],
    async check(bench) {
      await bench.send("a", "b", "c", "d", "e");
      const held = await (await bench.open(2)).take(2);
      const others = await (await bench.open()).take(3);
      const texts = [...bench.texts(held), ...bench.texts(others)];
      bench.same(
        texts,
        ["a", "b", "c", "d", "e"],
        "two sources get",
        "the prefetch: max of the first call",
      );
      for (const delivery of [...held, ...others]) await bench.ack(delivery);
    },
  },
  {
    name: "what was acked never comes again",
    async check(bench) {
      await bench.send("a", "b");
      const opened = await bench.open();
      for (const delivery of await opened.take(2)) await bench.ack(delivery);
      await opened.silent("what was acked is not delivered again", "ack()");
      await bench.left(
        [],
        "what was acked is gone, also for the next process, which gets",
        "ack()",
      );
    },
  },
  {
    name: "what was released comes again, unharmed",
    async check(bench) {
      await bench.send("a");
      const opened = await bench.open();
      for (let i = 0; i < 3; i++) {
        const delivery = await opened.one();
        bench.same([bench.read(delivery)], ["a"], "what is released comes again", "release()");
        await bench.release(delivery);
      }
      await bench.left(["a"], "the next process gets what was released", "release()");
    },
  },
  {
    name: "each delivery settles its own value, whatever the order",
    async check(bench) {
      await bench.send("acked", "released", "held", "last");
      const opened = await bench.open();
      const byText = new Map((await opened.take(4)).map((it) => [bench.read(it), it]));
      const of = (text: string): Delivery<unknown> => byText.get(text) as Delivery<unknown>;
      await bench.ack(of("last"));
      await Promise.all([bench.release(of("released")), bench.ack(of("acked"))]);
      const again = await opened.one();
      const look = "what ack() and release() settle: their own value, no other";
      bench.same([bench.read(again)], ["released"], "what is released comes again", look);
      await opened.silent("what is held or acked is not delivered", look);
      await bench.ack(of("held"));
      await bench.release(again);
      await bench.left(["released"], "the next process gets what was released, no more", look);
    },
  },
  {
    name: "an attempt that failed counts",
    needs: ["counts"],
    async check(bench) {
      await bench.send("a");
      const opened = await bench.open();
      const first = await opened.one();
      if (first.attempt !== 1) {
        throw broken("the first attempt is 1", `it is ${first.attempt}`, "Delivery.attempt");
      }
      await bench.release(first, 0, new Error("The attempt failed"));
      const second = await opened.one();
      if (!(Number(second.attempt) >= 2)) {
        throw broken(
          "attempt is 2 or more after one that failed",
          `it is ${second.attempt}`,
          "what release() does with its error",
        );
      }
      await bench.ack(second);
    },
  },
  {
    name: "what is released with a delay is kept back that long, and nothing else is",
    needs: ["delays"],
    async check(bench) {
      const delay = bench.silence * 3;
      const look = "what release() does with its delay";
      await bench.send("late");
      const opened = await bench.open();
      await bench.release(await opened.one(), delay, new Error("The attempt failed"));
      const released = bench.now();
      await bench.send("next");
      const next = await opened.one();
      const left = released + delay - bench.now();
      bench.same([bench.read(next)], ["next"], "what is not kept back comes first", look);
      if (left <= 0) {
        const expected = `what is not kept back comes within the ${delay} ms of the other`;
        throw broken(expected, `it came after ${Math.round(delay - left)} ms`, look);
      }
      await bench.ack(next);
      await opened.silent(
        "nothing comes before its delay is over",
        look,
        (released + delay - bench.now()) * 0.8,
      );
      const late = await opened.one();
      bench.same([bench.read(late)], ["late"], "what was kept back comes again", look);
      await bench.ack(late);
    },
  },
  {
    name: "what was rejected never comes again",
    async check(bench) {
      await bench.send("bad", "good");
      const opened = await bench.open();
      for (const delivery of await opened.take(2)) {
        if (bench.read(delivery) === "good") await bench.release(delivery);
        else await bench.reject(delivery);
      }
      await bench.left(
        ["good"],
        "what was rejected is gone, and the next process gets",
        "reject()",
      );
    },
  },
  {
    name: "what was rejected is with the dead letters",
    needs: ["deadLetters"],
    async check(bench) {
      await bench.send("bad");
      const opened = await bench.open();
      const delivery = await opened.one();
      await bench.reject(delivery);
      const found = await bench.fulfils(
        "the fixture's deadLetters()",
        async () => await bench.fixture.deadLetters?.() ?? [],
      );
      bench.same(found, ["bad"], "the dead letters are", "reject(), and Fixture.deadLetters");
    },
  },
  {
    name: "a lease that is extended holds",
    needs: ["lease"],
    async check(bench) {
      await bench.send("a");
      const opened = await bench.open();
      const delivery = await opened.one();
      const { extendEvery = bench.holdTimeout / 3 } = delivery;
      if (extendEvery >= bench.holdTimeout) {
        throw broken(
          `extendEvery is less than the ${bench.holdTimeout} ms of the hold`,
          `it is ${extendEvery}`,
          "Delivery.extendEvery",
        );
      }
      for (let held = 0; held < bench.holdTimeout * 2.5; held += extendEvery) {
        await opened.silent("what is extended is not delivered again", "extend()", extendEvery);
        if (await bench.fulfils("extend()", () => delivery.extend?.()) === false) {
          throw broken("extend() does not answer false while it holds", "it did", "extend()");
        }
      }
      await bench.ack(delivery);
      await bench.left(
        [],
        "what was extended and acked is gone, and the next process gets",
        "ack()",
      );
    },
  },
  {
    name: "a lease that is not extended runs out, and says so",
    needs: ["lease"],
    async check(bench) {
      await bench.send("a");
      const opened = await bench.open();
      const first = await opened.one();
      await bench.pass(bench.holdTimeout);
      const second = await opened.one();
      bench.same([bench.read(second)], ["a"], "a value whose hold ran out comes again", "the hold");
      const answer = first.lost?.aborted || await bench.fulfils("extend()", () => first.extend?.());
      if (answer !== true && answer !== false || answer === true && !first.lost?.aborted) {
        throw broken(
          "extend() answers false, or lost has aborted, when somebody else has the value",
          `extend() answered ${textOf(answer)}`,
          "whether extend() knows whose hold it extends",
        );
      }
      await bench.ack(second);
    },
  },
  {
    name: "a release of what was lost takes it from nobody",
    needs: ["lease"],
    async check(bench) {
      await bench.send("a");
      const opened = await bench.open();
      const first = await opened.one();
      await bench.pass(bench.holdTimeout);
      const second = await opened.one();
      await bench.releaseLost(first);
      await opened.silent(
        "a value stays with whoever holds it now",
        "whether release() knows whose hold it ends",
        Math.min(bench.silence, bench.holdTimeout / 2),
      );
      await bench.ack(second);
      await bench.left(
        [],
        "what the new holder has acked is gone, and the next process gets",
        "ack()",
      );
    },
  },
  {
    name: "receive() settles when its signal aborts, and nothing is lost by it",
    async check(bench) {
      const waits = await bench.open();
      await waits.silent("an empty queue delivers nothing", "receive()");
      await waits.end();
      await bench.send("a");

      // The signal aborts while values are on their way.
      const races = await bench.open();
      const call = races.receive();
      call.catch(nothing);
      const sent = bench.send("b", "c");
      await races.close();
      await sent;
      await bench.left(
        ["a", "b", "c"],
        "the next process gets all of it",
        "what receive() does with a value when its signal has aborted",
      );
    },
  },
  {
    name: "stopping() gives back what is buffered, and not what is held",
    async check(bench) {
      const sent = ["a", "b", "c", "d", "e", "f"];
      await bench.send(...sent);
      const opened = await bench.open(2);
      const held = await opened.take(2);
      await opened.stopping();
      const look = "stopping(): cancel the subscription, give back what is buffered";
      if (bench.can.has("shares")) {
        const rest = await (await bench.open()).take(4);
        const texts = [...bench.texts(held), ...bench.texts(rest)];
        bench.same(texts, sent, "others get what was not held", look);
        for (const delivery of rest) await bench.ack(delivery);
      }
      for (const delivery of held) await bench.ack(delivery);
      const rest = bench.can.has("shares")
        ? []
        : sent.filter((it) => !bench.texts(held).includes(it));
      await bench.left(rest, "the next process gets the rest", look);
    },
  },
  {
    name: "stopping() comes while receive() is pending, and both settle",
    async check(bench) {
      const opened = await bench.open();
      await opened.silent("an empty queue delivers nothing", "receive()");
      await opened.stopping();
      await opened.end();
      await bench.send("a");
      await bench.left(
        ["a"],
        "a stopped source takes nothing, and the next process gets",
        "stopping()",
      );
    },
  },
  {
    name: "what is held may be settled after stopping()",
    async check(bench) {
      await bench.send("acked", "released", "rejected");
      const opened = await bench.open();
      const held = await opened.take(3);
      await opened.stopping();
      for (const delivery of held) {
        const text = bench.read(delivery);
        if (text === "acked") await bench.ack(delivery);
        else if (text === "released") await bench.release(delivery);
        else await bench.reject(delivery);
      }
      await bench.left(
        ["released"],
        "the next process gets what was released",
        "stopping(): it must leave open what settles",
      );
    },
  },
  {
    name: "start() settles when its signal has aborted",
    async check(bench) {
      const signal = AbortSignal.abort(new DOMException("Cancelled", "AbortError"));
      await bench.unstarted().startCancelled(signal);
      await bench.send("a");
      await bench.left(
        ["a"],
        "a cancelled start takes nothing, and the next process gets",
        "start()",
      );
    },
  },
  {
    name: "what a dead process held comes again",
    needs: ["crashes"],
    async check(bench) {
      await bench.send("a", "b");
      const opened = await bench.open();
      const [first] = await opened.take(2);
      await bench.ack(first as Delivery<unknown>);
      opened.died();
      await bench.fulfils("the fixture's kill()", () => bench.fixture.kill?.(opened.source));
      const left = bench.read(first as Delivery<unknown>) === "a" ? "b" : "a";
      if (bench.can.has("lease")) await bench.pass(bench.holdTimeout);
      await bench.left(
        [left],
        "the next process gets what the dead one held",
        "what the engine knows as held",
      );
    },
  },
  {
    name: "health() says whether the engine can be reached",
    needs: ["outages"],
    async check(bench) {
      const opened = await bench.open();
      const { source } = opened;
      if (!source.health) throw broken("there is health()", "there is none", "Source.health");
      const healthy = async (): Promise<boolean> => {
        const call = (async () => isHealthy(await source.health?.(signal())))();
        call.catch(nothing);
        return await bench.settles(call) && await call.catch(() => false);
      };
      if (!await healthy()) throw broken("health() fulfils", "it did not", "health()");
      await bench.fulfils("the fixture's breakDown()", () => bench.fixture.breakDown?.());
      const bad = !await healthy();
      await bench.fulfils("the fixture's repair()", () => bench.fixture.repair?.());
      if (!bad) throw broken("health() fails in an outage", "it fulfilled", "health()");
      await bench.send("a");
      await bench.ack(await opened.one(true));
      if (!await healthy()) throw broken("health() fulfils again", "it did not", "health()");
    },
  },
  {
    name: "an outage ends: the same source delivers again, and what it held is not lost",
    needs: ["outages"],
    async check(bench) {
      await bench.send("held");
      const opened = await bench.open();
      const first = await opened.one();
      await bench.fulfils("the fixture's breakDown()", () => bench.fixture.breakDown?.());
      await opened.ask(bench.silence, true); // it may fail, and must not deliver
      await bench.fulfils("the fixture's repair()", () => bench.fixture.repair?.());
      await bench.send("next");
      const seen: string[] = [];
      while (!seen.includes("next")) {
        const delivery = await opened.one(true);
        const text = bench.read(delivery);
        if (text === "held" && !await isKnownLost(bench, first)) {
          throw broken(
            "lost aborts, or extend() answers false, when a value is delivered anew",
            "its first delivery knows nothing of it",
            "Delivery.lost: abort it when the connection closes",
          );
        }
        seen.push(text);
        await bench.ack(delivery);
      }
      if (seen.includes("held")) return;
      await bench.releaseLost(first);
      await bench.left(
        ["held"],
        "what was held in an outage is not lost, and the next process gets",
        "receive() after an outage",
      );
    },
  },
];

function signal(): AbortSignal {
  return new AbortController().signal;
}
