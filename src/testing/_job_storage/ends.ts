import type { HeldJob } from "../../jobs/job_storage.ts";
import { broken } from "../contract.ts";
import { jobOf, type JobStorageCheck, takeOf } from "./bench.ts";
import type { AttemptRecord } from "../../jobs/job_record.ts";

const look = "settle()";

/** What the end of an attempt promises: `settle`, and what it makes of jobs that come after. */
export const ends: readonly JobStorageCheck[] = [
  {
    name: "a job that has succeeded keeps its result",
    async check(storage, bench) {
      await storage.add([jobOf("a"), jobOf("b")]);
      const { a, b } = await bench.hold(storage, ["a", "b"]);
      const from = await storage.now();
      await bench.settle(storage, a, { state: "succeeded", result: `{"ok":true}` });
      await bench.settle(storage, b, { state: "succeeded" });
      const job = await bench.details(storage, "a");
      const { state, result, error, attempt, server } = job;
      const wanted = { state: "succeeded", result: `{"ok":true}`, attempt: 1, server: "server" };
      bench.same({ state, result, error, attempt, server }, wanted, "the job", look);
      bench.between(job.endedAt, from, await storage.now(), "endedAt", look);
      const none = await bench.details(storage, "b");
      bench.same([none.state, none.result], ["succeeded", undefined], "one without a result", look);
    },
  },
  {
    name: "a job that has succeeded may say what was wrong with its result",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const held = await bench.takeOne(storage);
      await bench.settle(storage, held, { state: "succeeded", error: "It is too long" });
      const { state, error, result } = await bench.details(storage, "a");
      const wanted = { state: "succeeded", error: "It is too long" };
      bench.same({ state, error, result }, wanted, "the job", look);
    },
  },
  {
    name: "a job that has failed keeps its error",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const held = await bench.takeOne(storage);
      const from = await storage.now();
      await bench.settle(storage, held, { state: "failed", error: "Error: bad\n  at here" });
      const job = await bench.details(storage, "a");
      const { state, result, error } = job;
      const wanted = { state: "failed", error: "Error: bad\n  at here" };
      bench.same({ state, result, error }, wanted, "the job", look);
      bench.between(job.endedAt, from, await storage.now(), "endedAt", look);
      bench.same(await bench.taken(storage), [], "what can be taken", look);
    },
  },
  {
    name: "a job that is tried again waits for its delay, and keeps its error",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const held = await bench.takeOne(storage);
      const from = await storage.now();
      await bench.settle(storage, held, { state: "scheduled", delay: bench.long, error: "E" });
      const to = await storage.now();
      const { state, dueAt, endedAt, error, attempt } = await bench.details(storage, "a");
      const wanted = { state: "scheduled", error: "E", attempt: 1 };
      bench.same({ state, endedAt, error, attempt }, wanted, "the job", look);
      bench.between(dueAt, from + bench.long, to + bench.long, "dueAt", "the clock of settle()");
    },
  },
  {
    name: "a job that was interrupted is enqueued, and its attempt does not count",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      for (let i = 0; i < 2; i++) {
        const held = await bench.takeOne(storage);
        bench.same(held.attempt, 1, "attempt", "settle() as enqueued");
        await bench.settle(storage, held, { state: "enqueued" });
        const { state, attempt, endedAt } = await bench.details(storage, "a");
        bench.same({ state, attempt, endedAt }, { state: "enqueued", attempt: 0 }, "the job", look);
      }
    },
  },
  {
    name: "each attempt leaves a record, with its number, times, server and error",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const wanted: Omit<AttemptRecord, "startedAt" | "endedAt">[] = [];
      for (
        const settlement of [
          { state: "scheduled", delay: 1, error: "E1" },
          { state: "enqueued" },
          { state: "scheduled", delay: 1, error: "E2" },
          { state: "succeeded", result: "1" },
        ] as const
      ) {
        await bench.pass(25);
        const server = `server ${wanted.length}`;
        const held = await bench.takeOne(storage, { server });
        await bench.pass(25);
        const from = await storage.now();
        await bench.settle(storage, held, settlement);
        const { attempts } = await bench.details(storage, "a");
        const error = "error" in settlement ? settlement.error : undefined;
        wanted.push({ attempt: held.attempt, server, state: settlement.state, error });
        const records = attempts.map(({ startedAt: _, endedAt: _1, ...it }) => it);
        bench.same(records, wanted, "the records of the attempts", "what settle() records");
        const last = attempts.at(-1);
        bench.same(last?.startedAt, held.startedAt, "startedAt of the last", look);
        bench.between(last?.endedAt, from, await storage.now(), "endedAt of the last", look);
      }
      const numbers = wanted.map(({ attempt }) => attempt);
      bench.same(numbers, [1, 2, 2, 3], "the numbers of the attempts", "settle() as enqueued");
    },
  },
  {
    name: "a job keeps the records of its last 50 attempts",
    async check(storage, bench) {
      await storage.add([jobOf("a"), jobOf("b", { queue: "other" })]);
      const other = await bench.takeOne(storage, { queue: "other" });
      for (let i = 0; i < 53; i++) {
        const held = await bench.takeOne(storage, { server: `${i}` });
        await bench.settle(storage, held, { state: "enqueued" });
      }
      await bench.settle(storage, other);
      const servers = (await bench.details(storage, "a")).attempts.map(({ server }) => server);
      const wanted = Array.from({ length: 50 }, (_, index) => `${index + 3}`);
      bench.same(servers, wanted, "the servers of the records", "the cap of the records");
      const { length } = (await bench.details(storage, "b")).attempts;
      bench.same(length, 1, "the number of another job's records", "the cap of the records");
    },
  },
  {
    name: "a hold is settled once",
    async check(storage, bench) {
      for (
        const settlement of [
          { state: "succeeded", result: "1" },
          { state: "failed", error: "E" },
          { state: "scheduled", delay: 600_000, error: "E" },
          { state: "enqueued" },
        ] as const
      ) {
        const { state: id } = settlement;
        await storage.add([jobOf(id)]);
        const { [id]: held } = await bench.hold(storage, [id]);
        await bench.settle(storage, held, settlement);
        const before = await bench.details(storage, id);
        const again = await storage.settle(held, { state: "succeeded", result: "2" });
        bench.same(again, false, `a second settle() after ${id}`, "where processing");
        bench.same(await bench.details(storage, id), before, "the job then", "where processing");
      }
    },
  },
  {
    name: "of many that settle a hold at the same time one does",
    async check(storage, bench) {
      const both = [storage, await bench.open()];
      await storage.add([jobOf("a"), jobOf("b", { parents: ["a"] })]);
      const held = await bench.takeOne(storage);
      const answers = await bench.atOnce(
        both,
        8,
        (it, index) => it.settle(held, { state: "succeeded", result: `${index}` }),
      );
      const first = answers.flatMap((it, index) => it === false ? [] : [index]);
      bench.same(first.length, 1, "the number of those who have settled it", "settle()");
      const { result, attempts } = await bench.details(storage, "a");
      const wanted = [`${first[0]}`, 1];
      bench.same([result, attempts.length], wanted, "the result, and how many attempts", look);
    },
  },
  {
    name: "what nobody holds is not settled",
    async check(storage, bench) {
      await storage.add([jobOf("a"), jobOf("b"), jobOf("c", { delay: bench.long })]);
      const { a } = await bench.hold(storage, ["a"]);
      const settlement = { state: "succeeded" } as const;
      for (
        const hold of [
          { id: "a", token: a.token + 1_000_000 },
          { id: "b", token: a.token },
          { id: "b", token: 0 },
          { id: "c", token: a.token },
          { id: "nobody", token: a.token },
        ]
      ) {
        bench.same(await storage.settle(hold, settlement), false, "what settle() gives", look);
      }
      await bench.are(storage, { a: "processing", b: "enqueued", c: "scheduled" }, look);
    },
  },
  {
    name: "a retry that has succeeded has no error any more",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const first = await bench.takeOne(storage);
      await bench.settle(storage, first, { state: "scheduled", delay: 1, error: "E" });
      await bench.pass(25);
      const second = await bench.takeOne(storage);
      await bench.settle(storage, second, { state: "succeeded", result: "1" });
      const { error, result, attempts } = await bench.details(storage, "a");
      bench.same([error, result], [undefined, "1"], "error and result", look);
      const errors = attempts.map((it) => it.error);
      bench.same(errors, ["E", undefined], "the errors of its attempts", look);
    },
  },
  {
    name: "children are released when their parent has succeeded, or ended, as they want it",
    async check(storage, bench) {
      for (const state of ["succeeded", "failed", "cancelled"] as const) {
        const [good, any] = [`${state} good`, `${state} any`];
        await storage.add([
          jobOf(state, { queue: state }),
          jobOf(good, { parents: [state] }),
          jobOf(any, { parents: [state], parentsOn: "ended" }),
        ]);
        const held = await bench.takeOne(storage, { queue: state });
        await bench.are(storage, { [good]: "awaiting", [any]: "awaiting" }, "parents");
        if (state === "cancelled") await storage.cancel([state]);
        const settlement = state === "failed" ? { state, error: "E" } : { state: "succeeded" };
        await bench.settle(storage, held, settlement as { state: "succeeded" }, state);
        const wanted = { succeeded: "enqueued", failed: "awaiting", cancelled: "cancelled" }[state];
        const states = { [good]: wanted as "enqueued", [any]: "enqueued" } as const;
        await bench.are(storage, states, `the children of a ${state} job`);
      }
    },
  },
  {
    name: "a retry or an interruption of a parent releases nobody",
    async check(storage, bench) {
      await storage.add([
        jobOf("a"),
        jobOf("b"),
        jobOf("c", { parents: ["a"], parentsOn: "ended" }),
        jobOf("d", { parents: ["b"], parentsOn: "ended" }),
      ]);
      const { a, b } = await bench.hold(storage, ["a", "b"]);
      await bench.settle(storage, a, { state: "scheduled", delay: bench.long, error: "E" });
      await bench.settle(storage, b, { state: "enqueued" });
      await bench.are(storage, { c: "awaiting", d: "awaiting" }, "which states are an end");
    },
  },
  {
    name: "a job with several parents waits for all of them",
    async check(storage, bench) {
      await storage.add([
        ...["a", "b", "c"].map((id) => jobOf(id)),
        jobOf("all", { parents: ["a", "b", "c"] }),
        jobOf("ended", { parents: ["a", "b", "c"], parentsOn: "ended" }),
      ]);
      const { a, b, c } = await bench.hold(storage, ["a", "b", "c"]);
      const waiting = { all: "awaiting", ended: "awaiting" } as const;
      await bench.settle(storage, b);
      await bench.are(storage, waiting, "how many parents have ended");
      await bench.settle(storage, a, { state: "failed", error: "E" });
      await bench.are(storage, waiting, "how many parents have ended");
      await bench.settle(storage, c);
      await bench.are(storage, { all: "awaiting", ended: "enqueued" }, "parentsOn");
      const { parents } = await bench.details(storage, "ended");
      bench.same(parents, ["a", "b", "c"], "parents when they have ended", "parents");
    },
  },
  {
    name: "parents that end at the same time release their child, and each other's too",
    async check(storage, bench) {
      const other = await bench.open();
      const pairs = Array.from({ length: 10 }, (_, index) => [`a ${index}`, `b ${index}`] as const);
      await storage.add(pairs.flat().map((id) => jobOf(id)));
      await storage.add(pairs.map((parents, index) => jobOf(`child ${index}`, { parents })));
      const held = await bench.hold(storage, pairs.flat());
      await bench.atOnce(
        [storage, other],
        20,
        async (it, index) => {
          const id = pairs[index >> 1]?.[index & 1] as keyof typeof held;
          await it.settle(held[id] as HeldJob, { state: "succeeded" });
        },
      );
      const wanted = Object.fromEntries(pairs.map((_, index) => [`child ${index}`, "enqueued"]));
      await bench.are(
        storage,
        wanted as Record<string, "enqueued">,
        "two settlements at the same time, of which neither sees the other",
      );
    },
  },
  {
    name: "a child that is added while its parent ends does not wait for ever",
    async check(storage, bench) {
      const other = await bench.open();
      const parents = Array.from({ length: 10 }, (_, index) => `parent ${index}`);
      await storage.add(parents.map((id) => jobOf(id)));
      const held = await bench.hold(storage, parents);
      await bench.atOnce([storage, other], 20, async (it, index) => {
        const id = parents[index >> 1] as string;
        if (index % 2 === 0) await it.add([jobOf(`child of ${id}`, { parents: [id] })]);
        else await it.settle(held[id] as (typeof held)[string], { state: "succeeded" });
      });
      const wanted = Object.fromEntries(parents.map((id) => [`child of ${id}`, "enqueued"]));
      await bench.are(
        storage,
        wanted as Record<string, "enqueued">,
        "an add and a settlement at the same time, of which neither sees the other",
      );
    },
  },
  {
    name: "a failed parent that is queued again and succeeds releases those that have waited",
    async check(storage, bench) {
      await storage.add([
        jobOf("parent"),
        jobOf("child", { parents: ["parent"] }),
        jobOf("grandchild", { parents: ["child"] }),
      ]);
      await bench.settle(storage, await bench.takeOne(storage), { state: "failed", error: "E" });
      await bench.are(storage, { child: "awaiting", grandchild: "awaiting" }, "a failed parent");
      await storage.requeue(["parent"]);
      await bench.settle(storage, await bench.takeOne(storage));
      await bench.are(storage, { child: "enqueued", grandchild: "awaiting" }, "requeue()");
      await bench.settle(storage, await bench.takeOne(storage));
      bench.same(await bench.taken(storage), ["grandchild"], "what can be taken", "parents");
    },
  },
  {
    name: "a child that was released stays so, whatever becomes of its parent",
    async check(storage, bench) {
      await bench.put(storage, "parent", "succeeded");
      await storage.add([jobOf("child", { parents: ["parent"] })]);
      await storage.requeue(["parent"]);
      await storage.cancel(["parent"]);
      await bench.are(storage, { parent: "cancelled", child: "enqueued" }, "which children wait");
      const { jobs } = await storage.take(takeOf());
      if (jobs.length === 1) return;
      throw broken("take() gives the child", `it gives ${jobs.length} jobs`, "parents");
    },
  },
];
