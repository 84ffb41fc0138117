import { jobOf, jobsOf, type JobStorageCheck } from "./bench.ts";
import type { Retention } from "../../jobs/job_storage.ts";

const look = "purge()";
const kept: Retention = { succeeded: 3_600_000, failed: 3_600_000, cancelled: 3_600_000 };
const none: Retention = { succeeded: 0, failed: 0, cancelled: 0 };

/** What `purge` promises. */
export const purges: readonly JobStorageCheck[] = [
  {
    name: "jobs are kept after their end as long as their state is to be",
    async check(storage, bench) {
      const states = ["succeeded", "failed", "cancelled"] as const;
      for (const id of states) await bench.put(storage, id, id);
      await bench.pass(25);
      bench.same(await storage.purge(kept, 100), 0, "what purge() gives", "the age of a job");
      const forever = { succeeded: Infinity, failed: Infinity, cancelled: Infinity };
      bench.same(
        await storage.purge(forever, 100),
        0,
        "what purge() gives",
        "a retention for ever",
      );
      for (const [index, id] of states.entries()) {
        bench.same(await storage.purge({ ...kept, [id]: 0 }, 100), 1, "what purge() gives", look);
        const left = states.slice(index + 1).reverse();
        bench.same(await bench.listed(storage), left, `the jobs when each ${id} is gone`, look);
      }
    },
  },
  {
    name: "the time is counted from the end of a job, not from its begin",
    async check(storage, bench) {
      await storage.add([jobOf("a"), jobOf("b")]);
      const { a, b } = await bench.hold(storage, ["a", "b"]);
      await bench.settle(storage, a);
      await bench.outlast();
      const held = await bench.details(storage, "a");
      await bench.settle(storage, b);
      const ended = await bench.details(storage, "b");
      const age = (ended.endedAt ?? 0) - (held.endedAt ?? 0);
      // So much later is the end of b that only a is old enough, however slow the calls are.
      await storage.purge({ ...kept, succeeded: await storage.now() - (held.endedAt ?? 0) }, 100);
      bench.holds(age > 0, "b ended after a", age, "endedAt");
      await bench.are(storage, { a: undefined, b: "succeeded" }, "endedAt in purge()");
    },
  },
  {
    name: "what has not ended is never deleted",
    async check(storage, bench) {
      await bench.put(storage, "scheduled", "scheduled");
      await storage.add([jobOf("processing"), jobOf("retried"), jobOf("again")]);
      const { retried, again } = await bench.hold(storage, ["processing", "retried", "again"]);
      const retry = { state: "scheduled", delay: bench.long, error: "E" } as const;
      await bench.settle(storage, retried, retry);
      await bench.settle(storage, again, { state: "failed", error: "E" });
      await storage.requeue(["again"]);
      await storage.add([jobOf("enqueued"), jobOf("awaiting", { parents: ["enqueued"] })]);
      await storage.cancel(["processing"]);
      await bench.pass(25);
      bench.same(await storage.purge(none, 100), 0, "what purge() gives", "the state of a job");
      bench.same((await bench.listed(storage)).length, 6, "the number of jobs", look);
    },
  },
  {
    name: "a parent is kept as long as a child of it is awaiting",
    async check(storage, bench) {
      await storage.add([jobOf("a"), jobOf("b"), jobOf("child", { parents: ["a", "b"] })]);
      await storage.add([jobOf("c"), jobOf("other", { parents: ["c"] })]);
      const { a, b, c } = await bench.hold(storage, ["a", "b", "c"]);
      await bench.settle(storage, a);
      await bench.settle(storage, c, { state: "failed", error: "E" });
      await bench.pass(25);
      bench.same(await storage.purge(none, 100), 0, "what purge() gives", "children of a job");
      await bench.are(storage, { a: "succeeded", c: "failed" }, "children of a job");
      await bench.settle(storage, b);
      await bench.are(storage, { child: "enqueued", other: "awaiting" }, "the release of a child");
      await bench.pass(25);
      bench.same(await storage.purge(none, 100), 2, "what purge() gives", "children of a job");
      await bench.are(storage, { a: undefined, b: undefined, c: "failed" }, "children of a job");
      const { parents } = await bench.details(storage, "child");
      bench.same(parents, ["a", "b"], "the parents of a child whose parents are gone", look);
      bench.same(await bench.taken(storage), ["child"], "what can be taken", look);
      await storage.cancel(["other"]);
      await bench.pass(25);
      await storage.purge(none, 100);
      await bench.are(storage, { c: undefined, other: undefined }, "a child that has ended");
    },
  },
  {
    name: "purge() deletes max jobs at most, and tells how many",
    async check(storage, bench) {
      await storage.add(jobsOf(7));
      await storage.cancel(jobsOf(7).map(({ id }) => id));
      await bench.put(storage, "failed", "failed");
      await bench.put(storage, "succeeded", "succeeded");
      await bench.pass(25);
      for (const [count, left] of [[4, 5], [4, 1], [1, 0], [0, 0]] as const) {
        bench.same(await storage.purge(none, 4), count, "what purge() gives", "max");
        const jobs = await bench.listed(storage);
        bench.same(jobs.length, left, "the number of jobs that are left", "max");
      }
    },
  },
  {
    name: "what was deleted is unknown: its id is free, and nothing comes after it",
    async check(storage, bench) {
      await storage.add([jobOf("a", { key: "k", keyUntil: "ended" })]);
      const held = await bench.takeOne(storage);
      await storage.note(held, { progress: "1", log: [{ at: 1, text: "old" }] });
      await bench.settle(storage, held);
      await storage.add([jobOf("child", { parents: ["a"] })]);
      await storage.cancel(["child"]);
      await bench.pass(25);
      bench.same(await storage.purge(none, 100), 2, "what purge() gives", look);
      bench.same(await storage.requeue(["a"]), [], "what requeue() gives", look);
      bench.same(await storage.cancel(["a"]), [], "what cancel() gives", look);
      bench.same(await storage.settle(held, { state: "succeeded" }), false, "a late settle", look);
      bench.same(await storage.add([jobOf("a")]), [{ id: "a", added: true }], "add()", look);
      const { attempt, attempts, children, log, progress } = await bench.details(storage, "a");
      const wanted = { attempt: 0, attempts: [], children: [], log: [] };
      const actual = { attempt, attempts, children, log, progress };
      bench.same(actual, wanted, "a new job of that id", "what purge() leaves of a job");
    },
  },
];
