import { broken } from "../contract.ts";
import { jobOf, type JobStorageCheck, recurringOf, takeOf } from "./bench.ts";
import type { JobBench } from "./bench.ts";
import type { JobStorage } from "../../jobs/job_storage.ts";

const look = "onWake()";

/** What holds of a storage as a whole: its start and stop, its clock, who is told, and what goes in and out. */
export const opens: readonly JobStorageCheck[] = [
  {
    name: "a store stays open until the last of those who have started it has stopped",
    async check(storage, bench) {
      const shared = await bench.unstarted();
      await bench.start(shared);
      await bench.start(shared);
      await bench.stop(shared);
      await shared.add([jobOf("a")]);
      await bench.are(shared, { a: "enqueued" }, "how start() and stop() count");
      await bench.stop(shared);
      await bench.are(storage, { a: "enqueued" }, "what stop() closes");
    },
  },
  {
    name: "what was stored is there for whoever opens the store later, also by the same storage",
    async check(storage, bench) {
      const first = await bench.unstarted();
      await bench.start(first);
      await first.add([jobOf("a")]);
      await first.putRecurring(recurringOf("r"));
      const { id, token } = await bench.takeOne(first);
      await bench.stop(first);
      const later = await bench.open();
      await bench.are(later, { a: "processing" }, "where jobs are stored");
      bench.same((await later.recurring()).length, 1, "the number of recurring jobs", "its tables");
      await bench.start(first);
      bench.same(
        await first.settle({ id, token }, { state: "succeeded" }),
        "succeeded",
        "the settlement",
        "a second start()",
      );
      await bench.stop(first);
      await bench.are(storage, { a: "succeeded" }, "where jobs are stored");
    },
  },
  {
    name: "a store of a newer version is refused, and left as it is",
    needs: "versions",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const expected = "start() rejects with a StorageVersionError";
      await bench.fixture.renew?.();
      const refused = await bench.unstarted();
      let error: unknown;
      try {
        await bench.start(refused);
      } catch (reason) {
        error = (reason as Error).cause;
      }
      if ((error as { code?: unknown } | undefined)?.code !== "ERR_STORAGE_VERSION") {
        const happened = error ? `it was ${error}` : "it fulfilled";
        throw broken(expected, happened, "the version of the tables", error);
      }
      await bench.are(storage, { a: "enqueued" }, "what start() does before it knows the version");
    },
  },
  {
    name: "the time of the storage is a number of milliseconds that goes on",
    async check(storage, bench) {
      const first = await storage.now();
      const isTime = Number.isFinite(first) && first > 0;
      bench.holds(isTime, "now() is a number of milliseconds since 1970", first, "now()");
      await bench.pass(50);
      const passed = await storage.now() - first;
      bench.holds(passed >= 25, "25 ms or more have passed in 50", passed, "now()");
    },
  },
  {
    name: "whoever waits is called back when jobs can be taken",
    async check(storage, bench) {
      await wakes(storage, bench, "add()", () => storage.add([jobOf("a")]));
      const held = await bench.takeOne(storage);
      await wakes(
        storage,
        bench,
        "settle() as enqueued",
        () => storage.settle(held, { state: "enqueued" }),
      );
      const again = await bench.takeOne(storage);
      await storage.add([jobOf("b", { queue: "other", parents: ["a"] })]);
      await wakes(storage, bench, "the end of a parent in another queue", async () => {
        await storage.settle(again, { state: "failed", error: "E" });
        await storage.requeue(["a"]);
        await bench.settle(storage, await bench.takeOne(storage));
      }, "other");
      await wakes(storage, bench, "requeue()", () => storage.requeue(["a"]));
      await storage.take(takeOf());
      await storage.pause("default", true);
      await wakes(storage, bench, "the end of a pause", () => storage.pause("default", false));
      await storage.putRecurring(recurringOf("r", { queue: "third" }));
      await wakes(
        storage,
        bench,
        "triggerRecurring()",
        () => storage.triggerRecurring("r", jobOf("c", { queue: "third" })),
        "third",
      );
      await storage.cancel(["c"]);
      await wakes(storage, bench, "fireRecurring()", () =>
        storage.fireRecurring({
          id: "r",
          seenAt: 1_000,
          nextAt: 2_000,
          job: jobOf("d", { queue: "third" }),
        }), "third");
    },
  },
  {
    name: "whoever waits is called back when a retry is to be waited for, and a job to end",
    async check(storage, bench) {
      await storage.add([jobOf("a"), jobOf("b")]);
      const { a } = await bench.hold(storage, ["a", "b"]);
      await wakes(
        storage,
        bench,
        "settle() as scheduled",
        () => storage.settle(a, { state: "scheduled", delay: bench.long, error: "E" }),
      );
      await wakes(storage, bench, "cancel()", () => storage.cancel(["b"]));
      await wakes(
        storage,
        bench,
        "add() of a delayed job",
        () => storage.add([jobOf("c", { delay: bench.long })]),
      );
    },
  },
  {
    name: "whoever has ended it is called back no more, and takes nobody else along",
    async check(storage, bench) {
      const calls: string[] = [];
      const both = (queue?: string): void => void calls.push(`both ${queue}`);
      const end = storage.onWake(both);
      const endOther = storage.onWake(both);
      const endThird = storage.onWake(() => void calls.push("third"));
      endThird();
      end();
      end();
      await storage.add([jobOf("a")]);
      await bench.settles(new Promise(() => {}), bench.silence);
      bench.holds(calls.some((it) => it !== "third"), "the second is called back", calls, look);
      bench.holds(!calls.includes("third"), "what has ended is not called", calls, look);
      endOther();
      calls.length = 0;
      await storage.add([jobOf("b")]);
      await bench.settles(new Promise(() => {}), bench.silence);
      bench.same(calls, [], "the calls after the end of all", look);
    },
  },
  {
    name: "what is given to a storage, or by one, can be changed without changing a job",
    async check(storage, bench) {
      const headers: Record<string, string> = { a: "1" };
      await storage.add([jobOf("parent"), jobOf("other")]);
      const parents = ["parent"];
      const log = [{ at: 1, text: "one" }];
      const queues: Record<string, number> = { default: 1 };
      await storage.add([jobOf("a", { headers, parents })]);
      const held = await bench.takeOne(storage);
      await storage.note(held, { log });
      await storage.beat({ id: "s", name: "s", location: "s", queues, active: 0 }, []);
      const taken = structuredClone(held);
      const wanted = structuredClone(await bench.details(storage, "a"));
      const parent = structuredClone(await bench.details(storage, "parent"));
      headers["a"] = "2";
      parents.push("other");
      (log[0] as { text: string }).text = "two";
      queues["default"] = 2;
      // deno-lint-ignore no-explicit-any -- what nobody is to change is changed
      const given = await bench.details(storage, "a") as any;
      given.headers.b = "3";
      given.parents.pop();
      given.attempts.push(1);
      // deno-lint-ignore no-explicit-any -- the same
      const givenParent = await bench.details(storage, "parent") as any;
      givenParent.log[0].text = "three";
      givenParent.log.push({ at: 2, text: "four" });
      givenParent.children.pop();
      // deno-lint-ignore no-explicit-any -- the same
      for (const it of (await storage.list({}, 10)).jobs as any) it.headers.c = "4";
      bench.same(await bench.details(storage, "a"), wanted, "the job then", "copies of values");
      bench.same(await bench.details(storage, "parent"), parent, "its parent", "copies of values");
      const [server] = await storage.servers();
      bench.same(server?.queues, { default: 1 }, "the queues of a server", "copies of values");
      await bench.settle(storage, held, { state: "failed", error: "E" });
      bench.same(held, taken, "what take() gave, later", "whether a record is a copy");
    },
  },
  {
    name: "a job of the caller's transaction is there if and when that commits",
    needs: "transactions",
    async check(storage, bench) {
      await bench.fixture.transaction?.(async (transaction) => {
        const added = await storage.add([jobOf("a"), jobOf("b", { parents: ["a"] })], transaction);
        bench.same(added.map((it) => it.added), [true, true], "what add() gives", "transaction");
      });
      await bench.are(storage, { a: "enqueued", b: "awaiting" }, "the commit of a transaction");
      bench.same(await bench.taken(storage), ["a"], "what can be taken", "transaction");
    },
  },
  {
    name: "nothing is left of a transaction that was rolled back",
    needs: "transactions",
    async check(storage, bench) {
      const reason = new Error("Roll it back");
      let error: unknown;
      try {
        await bench.fixture.transaction?.(async (transaction) => {
          await storage.add([jobOf("a")], transaction);
          throw reason;
        });
      } catch (thrown) {
        error = thrown;
      }
      bench.holds(error === reason, "transaction() of the fixture rejects", error, "the fixture");
      await bench.are(storage, { a: undefined }, "on whose connection add() is made");
      bench.same(await storage.add([jobOf("a")]), [{ id: "a", added: true }], "a later add", look);
    },
  },
  {
    name: "a parent that is not stored leaves a transaction as it was",
    needs: "transactions",
    async check(storage, bench) {
      await bench.fixture.transaction?.(async (transaction) => {
        await storage.add([jobOf("before")], transaction);
        const call = storage.add([jobOf("a"), jobOf("b", { parents: ["nobody"] })], transaction);
        const error = await call.then(() => undefined, (reason) => reason as Error);
        const { code } = (error?.cause ?? {}) as { code?: unknown };
        bench.same(code, "ERR_MISSING_PARENT", "the code of the error", "add() in a transaction");
        await storage.add([jobOf("after")], transaction);
      });
      const wanted = { before: "enqueued", a: undefined, b: undefined, after: "enqueued" } as const;
      await bench.are(storage, wanted, "a savepoint in the caller's transaction");
    },
  },
];

/** Fails unless a call wakes those who wait for a queue. */
async function wakes(
  storage: JobStorage,
  bench: JobBench,
  what: string,
  call: () => Promise<unknown>,
  queue: string = "default",
): Promise<void> {
  // What was done before may tell of itself late.
  await bench.pass(1);
  let end = (): void => {};
  const woken = new Promise<void>((resolve) => {
    end = storage.onWake((name) => {
      if (name === undefined || name === queue) resolve();
    });
  });
  try {
    await call();
    if (await bench.settles(woken)) return;
    throw broken(`${what} wakes who waits for "${queue}"`, "nobody was called back", look);
  } finally {
    end();
  }
}
