import { jobOf, jobsOf, type JobStorageCheck, takeOf } from "./bench.ts";
import { jobStates } from "../../jobs/_conventions.ts";
import type { JobFilter, JobState, QueueRecord } from "../../jobs/job_record.ts";
import type { JobStorage } from "../../jobs/job_storage.ts";
import type { JobBench } from "./bench.ts";

const look = "list()";
const cursor = "what the cursor is made of: where the page before ended, not how many were seen";

/** What `list` and `queues` promise. */
export const lists: readonly JobStorageCheck[] = [
  {
    name: "list() gives the newest first, each as get() gives it",
    async check(storage, bench) {
      bench.same(await storage.list({}, 10), { jobs: [] }, "list() of nothing", look);
      await bench.put(storage, "a", "succeeded", { key: "k", headers: { a: "b" } });
      await bench.put(storage, "b", "failed", { priority: 2 });
      await storage.add([jobOf("c", { parents: ["a", "b"] }), jobOf("d")]);
      const { jobs } = await storage.list({}, 10);
      bench.same(jobs.map(({ id }) => id), ["d", "c", "b", "a"], "the ids of list()", "its order");
      for (const job of jobs) {
        const { children: _, log: _1, ...wanted } = await bench.details(storage, job.id);
        bench.same(job, wanted, "what list() gives", "whether get() gives the same");
      }
    },
  },
  {
    name: "pages have each job once, though many are of the same moment",
    async check(storage, bench) {
      await storage.add(jobsOf(23));
      await storage.add([jobOf("last")]);
      const wanted = [...jobsOf(23).map(({ id }) => id), "last"].reverse();
      for (const limit of [1, 5, 7, 23, 24, 25]) {
        const found = await bench.listed(storage, {}, limit);
        bench.same(found, wanted, `all pages of ${limit}`, cursor);
      }
      const { next } = await storage.list({}, 24);
      bench.same(next, undefined, "next of a page that has them all", "next of list()");
    },
  },
  {
    name: "pages have each job once, whatever is added, changed and deleted between them",
    async check(storage, bench) {
      for (let i = 0; i < 10; i++) {
        await bench.put(storage, `${i}`, i % 3 === 1 ? "succeeded" : "failed");
      }
      await bench.pass(25);
      let page = 0;
      const found = await bench.listed(storage, { state: ["failed", "succeeded"] }, 3, async () => {
        // The last job of the first page is deleted, and one of the jobs that were seen is another's.
        if (page === 0) await storage.purge({ ...never, succeeded: 0 }, 1_000);
        if (page === 0) await storage.requeue(["8"]);
        await bench.put(storage, `new ${page++}`, "cancelled");
        await storage.add([jobOf(`late ${page}`)]);
        if (page === 1) await storage.cancel(["8"]);
      });
      bench.same(found, ["9", "8", "7", "6", "5", "3", "2", "0"], "the pages", cursor);
    },
  },
  {
    name: "jobs that leave the filter while its pages are read take none of the others along",
    async check(storage, bench) {
      await storage.add(jobsOf(20));
      const cancelled: string[] = [];
      let after: string | undefined;
      do {
        const page = await storage.list({ state: "enqueued" }, 3, after);
        cancelled.push(...await storage.cancel(page.jobs.map(({ id }) => id)));
        after = page.next;
      } while (after !== undefined && cancelled.length < 100);
      bench.sameSet(cancelled, jobsOf(20).map(({ id }) => id), "the jobs that were seen", cursor);
    },
  },
  {
    name: "list() gives the jobs that all conditions of the filter meet",
    async check(storage, bench) {
      await bench.put(storage, "a", "succeeded", { recurring: "nightly" });
      await bench.put(storage, "b", "failed", { name: "other" });
      await bench.pass(25);
      const from = await storage.now();
      await bench.put(storage, "c", "succeeded", { queue: "q" });
      await bench.put(storage, "d", "failed", { recurring: "nightly", queue: "q", name: "other" });
      await bench.pass(25);
      const to = await storage.now();
      await storage.add([jobOf("e", { recurring: "weekly" })]);
      const filters: readonly (readonly [JobFilter, readonly string[]])[] = [
        [{ state: "failed" }, ["d", "b"]],
        [{ state: ["failed"] }, ["d", "b"]],
        [{ state: ["enqueued", "succeeded"] }, ["e", "c", "a"]],
        [{ state: [] }, []],
        [{ state: "awaiting" }, []],
        [{ queue: "q" }, ["d", "c"]],
        [{ queue: "Q" }, []],
        [{ job: "other" }, ["d", "b"]],
        [{ recurring: "nightly" }, ["d", "a"]],
        [{ recurring: "nobody" }, []],
        [{ from }, ["e", "d", "c"]],
        [{ to }, ["d", "c", "b", "a"]],
        [{ from, to }, ["d", "c"]],
        [{ state: "failed", queue: "q", job: "other", recurring: "nightly", from, to }, ["d"]],
        [{ state: "failed", queue: "q", job: "job" }, []],
      ];
      for (const [filter, wanted] of filters) {
        const what = `list() of ${JSON.stringify(filter)}`;
        bench.same(await bench.listed(storage, filter), wanted, what, "its conditions");
        bench.same(await bench.listed(storage, filter, 1), wanted, `${what} by one`, cursor);
      }
    },
  },
  {
    name: "list() begins from with the first millisecond, and ends before to",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const { createdAt } = await bench.details(storage, "a");
      const found = async (from: number, to: number): Promise<readonly string[]> =>
        await bench.listed(storage, { from, to });
      const wanted: readonly (readonly [number, number, readonly string[]])[] = [
        [createdAt, createdAt + 1, ["a"]],
        [createdAt, createdAt, []],
        [createdAt - 1, createdAt, []],
        [createdAt + 1, createdAt + 2, []],
      ];
      for (const [from, to, ids] of wanted) {
        const what = `list() from ${from} to ${to} of a job made at ${createdAt}`;
        bench.same(await found(from, to), ids, what, "from and to");
      }
    },
  },
  {
    name:
      "a search finds ids, names, keys, inputs and errors that contain it, in upper or lower case",
    async check(storage, bench) {
      await storage.add([
        jobOf("find-ME"),
        jobOf("b", { name: "Find-me-too" }),
        jobOf("c", { key: "find-me" }),
        jobOf("d", { input: `{"to":"FIND-ME"}` }),
        jobOf("e", { queue: "other" }),
        jobOf("f", { headers: { no: "find-me" }, queue: "find-me", recurring: "find-me" }),
      ]);
      const { e } = await bench.hold(storage, ["e"], { queue: "other" });
      await bench.settle(storage, e, { state: "failed", error: "Error: cannot find-me" });
      const found = await bench.listed(storage, { search: "fIND-mE" });
      bench.same(found, ["e", "d", "c", "b", "find-ME"], "what a search finds", "search of list()");
      const one = await bench.listed(storage, { search: "fIND-mE" }, 1);
      bench.same(one, found, "the same by pages of one", "search of list()");
      const failed = await bench.listed(storage, { search: "find-me", state: "failed" });
      bench.same(failed, ["e"], "what a search finds in a state", "search of list()");
    },
  },
  {
    name: "a search takes each of its characters for itself",
    async check(storage, bench) {
      const texts = ["100%", "a_b", "c*d", "e?f", "[g-h]", "it's", `back\\slash`];
      await storage.add([jobOf("plain", { key: "100, a-b, cd, ef, g, its, backslash" })]);
      for (const text of texts) await storage.add([jobOf(text)]);
      for (const search of texts) {
        const found = await bench.listed(storage, { search });
        bench.same(found, [search], `what a search for ${search} finds`, "wildcards in search");
      }
    },
  },
  {
    name: "what is due counts as enqueued with the next take, whether or not that takes it",
    async check(storage, bench) {
      await storage.add([jobOf("a", { delay: bench.short }), jobOf("b", { delay: bench.long })]);
      bench.same(await bench.listed(storage, { state: "scheduled" }), ["b", "a"], "at first", look);
      await bench.outlast();
      await storage.take(takeOf({ names: ["other"] }));
      await bench.are(storage, { a: "enqueued", b: "scheduled" }, "take() of a due job");
      const enqueued = await bench.listed(storage, { state: "enqueued" });
      bench.same(enqueued, ["a"], "the list of the enqueued", look);
      const scheduled = await bench.listed(storage, { state: "scheduled" });
      bench.same(scheduled, ["b"], "the list of the scheduled", look);
      const [queue] = await storage.queues();
      const { enqueued: one, scheduled: two } = queue?.counts ?? {};
      bench.same([one, two], [1, 1], "the counts of both", "queues()");
    },
  },
  {
    name: "queues() gives each queue that has jobs or is paused, by name",
    async check(storage, bench) {
      bench.same(await storage.queues(), [], "queues() of nothing", "queues()");
      await storage.pause("b", true);
      await storage.add([jobOf("1", { queue: "c" }), jobOf("2", { queue: "a" })]);
      await storage.pause("c", true);
      const brief = (all: readonly QueueRecord[]): unknown =>
        all.map(({ queue, paused }) => ({ queue, paused }));
      const wanted = [
        { queue: "a", paused: false },
        { queue: "b", paused: true },
        { queue: "c", paused: true },
      ];
      bench.same(brief(await storage.queues()), wanted, "queues()", "its order, and pause()");
      await storage.pause("b", false);
      await storage.pause("c", false);
      const rest = [{ queue: "a", paused: false }, { queue: "c", paused: false }];
      bench.same(brief(await storage.queues()), rest, "queues() then", "the end of a pause");
    },
  },
  {
    name: "queues() counts the jobs in each state",
    async check(storage, bench) {
      for (const queue of ["a", "b"]) {
        const id = (state: JobState): string => `${queue} ${state}`;
        for (const state of jobStates) {
          if (state === "awaiting" || state === "enqueued" || state === "processing") continue;
          await bench.put(storage, id(state), state, { queue });
        }
        await storage.add([jobOf(id("processing"), { queue })]);
        await bench.takeOne(storage, { queue });
        await storage.add([
          jobOf(id("enqueued"), { queue }),
          jobOf(id("awaiting"), { queue, parents: [id("enqueued")] }),
        ]);
      }
      await storage.add([jobOf("one more", { queue: "b" })]);
      for (const { queue, counts } of await storage.queues()) {
        const enqueued = queue === "b" ? 2 : 1;
        const wanted = Object.fromEntries(
          jobStates.map((it) => [it, it === "enqueued" ? enqueued : 1]),
        );
        bench.same(counts, wanted, `the counts of queue ${queue}`, "queues()");
      }
    },
  },
  {
    name: "queues() tells since when the oldest of the enqueued could have run",
    async check(storage, bench) {
      const now = await storage.now();
      await storage.add([
        jobOf("c", { at: now + bench.long }),
        jobOf("a", { at: now - 5_000, name: "unknown", priority: -1 }),
        jobOf("b", { at: now - 9_000 }),
      ]);
      const oldest = async (): Promise<unknown> => (await storage.queues())[0]?.oldestDueAt;
      bench.same(await oldest(), now - 9_000, "oldestDueAt", "queues()");
      await bench.takeOne(storage);
      bench.same(await oldest(), now - 5_000, "oldestDueAt when that was taken", "queues()");
      await storage.cancel(["a"]);
      bench.same(await oldest(), undefined, "oldestDueAt of no enqueued job", "queues()");
    },
  },
  {
    name: "counts agree with the list, after whatever was done",
    async check(storage, bench) {
      const agree = (after: string): Promise<void> => countsAgree(storage, bench, after);
      await storage.add([...jobsOf(8), jobOf("late", { delay: bench.long })]);
      await storage.add([
        jobOf("good", { parents: ["job 00", "job 01"] }),
        jobOf("any", { parents: ["job 02"], parentsOn: "ended" }),
        jobOf("gone", { parents: ["job 03"] }),
        jobOf("gone too", { parents: ["gone"], queue: "other" }),
      ]);
      await agree("add()");
      const held = await bench.hold(storage, jobsOf(6).map(({ id }) => id));
      await agree("take()");
      const of = (index: number): (typeof held)[string] =>
        held[`job 0${index}`] as (typeof held)[string];
      await bench.settle(storage, of(0));
      await bench.settle(storage, of(1));
      await agree("settle() as succeeded");
      await bench.settle(storage, of(2), { state: "failed", error: "E" });
      await agree("settle() as failed");
      await storage.cancel(["job 03"]);
      await bench.settle(storage, of(3), { state: "succeeded" }, "cancelled");
      await agree("settle() of a cancelled parent");
      await bench.settle(storage, of(4), { state: "scheduled", delay: bench.long, error: "E" });
      await bench.settle(storage, of(5), { state: "enqueued" });
      await agree("settle() as scheduled and enqueued");
      await storage.cancel(["job 06", "late"]);
      await agree("cancel()");
      await storage.requeue(["job 00", "job 02", "job 03", "job 04"]);
      await agree("requeue()");
      await bench.pass(25);
      await storage.purge({ succeeded: 0, failed: 0, cancelled: 0 }, 1_000);
      await agree("purge()");
    },
  },
];

const never = { succeeded: 3_600_000, failed: 3_600_000, cancelled: 3_600_000 };

/** Fails unless queues() counts what list() gives. */
async function countsAgree(storage: JobStorage, bench: JobBench, after: string): Promise<void> {
  const queues = await storage.queues();
  for (const queue of ["default", "other"]) {
    for (const state of jobStates) {
      const { length } = await bench.listed(storage, { state, queue });
      const counts = queues.find((it) => it.queue === queue)?.counts;
      const what = `the count of the ${state} in queue ${queue} after ${after}`;
      bench.same(counts?.[state] ?? 0, length, what, "how queues() counts, and the list");
    }
  }
}
