import { jobOf, jobsOf, type JobStorageCheck, takeOf } from "./bench.ts";

const look = "cancel()";

/** What `cancel`, `cancelRequests` and `requeue` promise. */
export const cancels: readonly JobStorageCheck[] = [
  {
    name: "a job that waits is cancelled at once",
    async check(storage, bench) {
      await storage.add([
        jobOf("enqueued"),
        jobOf("scheduled", { delay: bench.long }),
        jobOf("awaiting", { parents: ["scheduled"], parentsOn: "ended" }),
      ]);
      const ids = ["awaiting", "scheduled", "enqueued"];
      const from = await storage.now();
      bench.sameSet(await storage.cancel(ids), ids, "what cancel() gives", look);
      for (const id of ids) {
        const job = await bench.details(storage, id);
        const { state, cancelRequested, attempt } = job;
        const wanted = { state: "cancelled", cancelRequested: false, attempt: 0 };
        bench.same({ state, cancelRequested, attempt }, wanted, `the job that was ${id}`, look);
        bench.between(job.endedAt, from, await storage.now(), "endedAt", look);
      }
      bench.same(await storage.take(takeOf()), { jobs: [] }, "what take() gives", look);
    },
  },
  {
    name: "a job in hands is asked to end, and goes on until it is settled",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const held = await bench.takeOne(storage);
      bench.same(await storage.cancel(["a"]), ["a"], "what cancel() gives", look);
      const { state, cancelRequested, endedAt } = await bench.details(storage, "a");
      const wanted = { state: "processing", cancelRequested: true };
      bench.same({ state, cancelRequested, endedAt }, wanted, "the job", look);
      bench.same(await storage.cancel(["a"]), ["a"], "what a second cancel() gives", look);
      await storage.note(held, { progress: "1" });
      const { progress } = await bench.details(storage, "a");
      bench.same(progress, "1", "progress of a job that is to end", "note()");
    },
  },
  {
    name: "a cancel that was stored before the settlement wins, whatever that says",
    async check(storage, bench) {
      for (
        const settlement of [
          { state: "succeeded", result: "1" },
          { state: "failed", error: "E" },
          { state: "scheduled", delay: 1, error: "E" },
          { state: "enqueued" },
        ] as const
      ) {
        const { state: id } = settlement;
        await storage.add([jobOf(id)]);
        const { [id]: held } = await bench.hold(storage, [id]);
        await storage.cancel([id]);
        const from = await storage.now();
        await bench.settle(storage, held, settlement, "cancelled");
        const job = await bench.details(storage, id);
        const { state, cancelRequested, result, attempts } = job;
        const wanted = { state: "cancelled", cancelRequested: false };
        bench.same({ state, cancelRequested, result }, wanted, "the job", "settle() of a cancel");
        bench.same(attempts.map((it) => it.state), ["cancelled"], "the attempt's state", look);
        bench.between(job.endedAt, from, await storage.now(), "endedAt", look);
        await bench.pass(25);
        bench.same(await bench.taken(storage), [], "what can be taken", look);
      }
    },
  },
  {
    name: "what has ended, or is unknown, is not cancelled",
    async check(storage, bench) {
      const ids = ["succeeded", "failed", "cancelled"] as const;
      for (const id of ids) await bench.put(storage, id, id);
      await storage.add([jobOf("a")]);
      const before = await Promise.all(ids.map((id) => storage.get(id)));
      const cancelled = await storage.cancel(["nobody", ...ids, "a"]);
      bench.same(cancelled, ["a"], "what cancel() gives", look);
      const after = await Promise.all(ids.map((id) => storage.get(id)));
      bench.same(after, before, "the jobs that had ended", look);
      bench.same(await storage.cancel([]), [], "a cancel() of no job", look);
    },
  },
  {
    name: "a cancelled job cancels those that come after it on success, and so on",
    async check(storage, bench) {
      await storage.add([
        jobOf("a"),
        jobOf("other"),
        jobOf("b", { parents: ["a"] }),
        jobOf("c", { parents: ["b", "other"] }),
        jobOf("d", { parents: ["c"] }),
        jobOf("e", { parents: ["d"], parentsOn: "ended" }),
        jobOf("f", { parents: ["b"], parentsOn: "ended", delay: bench.long }),
        jobOf("g", { parents: ["a", "other"], parentsOn: "ended" }),
      ]);
      bench.same(await storage.cancel(["a"]), ["a"], "what cancel() gives", look);
      const wanted = {
        a: "cancelled",
        b: "cancelled",
        c: "cancelled",
        d: "cancelled",
        e: "enqueued",
        f: "scheduled",
        g: "awaiting",
      } as const;
      await bench.are(storage, wanted, "how far a cancel reaches");
      const { endedAt } = await bench.details(storage, "d");
      bench.holds(typeof endedAt === "number", "a cancelled child has endedAt", endedAt, look);
    },
  },
  {
    name: "a long row of jobs is cancelled with its first",
    async check(storage, bench) {
      const jobs = jobsOf(60).map((it, index, all) => ({
        ...it,
        parents: index === 0 ? [] : [all[index - 1]?.id as string],
      }));
      await storage.add(jobs);
      const held = await bench.takeOne(storage);
      await storage.cancel([held.id]);
      await bench.settle(storage, held, { state: "succeeded" }, "cancelled");
      const cancelled = await bench.listed(storage, { state: "cancelled" });
      bench.same(cancelled.length, 60, "the number of cancelled jobs", "how far a cancel reaches");
    },
  },
  {
    name: "a server is told which of its jobs are to end, until they have",
    async check(storage, bench) {
      const other = await bench.open();
      await storage.add(["a", "b", "c", "d"].map((id) => jobOf(id)));
      const { a, b } = await bench.hold(storage, ["a", "b"], { server: "one" });
      await bench.hold(storage, ["c"], { server: "two" });
      bench.same(await storage.cancelRequests("one"), [], "cancelRequests() at first", look);
      await other.cancel(["a", "b", "c", "d"]);
      const one = await storage.cancelRequests("one");
      bench.sameSet(one, ["a", "b"], "cancelRequests() of one", "the server of a job");
      bench.same(await storage.cancelRequests("two"), ["c"], "those of two", "the server of a job");
      bench.same(await storage.cancelRequests("three"), [], "those of nobody", "cancelRequests()");
      await bench.settle(storage, a, { state: "succeeded" }, "cancelled");
      bench.same(await storage.cancelRequests("one"), ["b"], "cancelRequests() then", look);
      await bench.settle(storage, b, { state: "enqueued" }, "cancelled");
      bench.same(await storage.cancelRequests("one"), [], "cancelRequests() at last", look);
    },
  },
  {
    name: "a cancel and a settlement at the same time leave no job between them",
    async check(storage, bench) {
      const other = await bench.open();
      const ids = jobsOf(10).map(({ id }) => id);
      await storage.add(jobsOf(10));
      const held = await bench.hold(storage, ids);
      const answers = await bench.atOnce([storage, other], 20, async (it, index) => {
        const id = ids[index >> 1] as string;
        return index % 2 === 0
          ? (await it.cancel([id])).length === 1
          : await it.settle(held[id] as (typeof held)[string], { state: "succeeded" });
      });
      for (const [index, id] of ids.entries()) {
        const wanted = answers[index * 2] ? "cancelled" : "succeeded";
        const what = "what settle() gives beside a cancel()";
        bench.same(answers[index * 2 + 1], wanted, what, "which of the two came first");
        await bench.are(storage, { [id]: wanted }, "which of the two came first");
      }
    },
  },
  {
    name: "calls for the same jobs in another order do not fail",
    async check(storage, bench) {
      const both = [storage, await bench.open()];
      const ids = jobsOf(40).map(({ id }) => id);
      const turned = [...ids].reverse();
      await storage.add(jobsOf(40));
      const { jobs } = await storage.take(takeOf());
      await bench.atOnce(both, 8, (it, index) => it.cancel(index % 2 ? ids : turned));
      const back = [...jobs].reverse();
      await bench.atOnce(both, 8, (it, index) => it.extend(index % 2 ? jobs : back, bench.long));
      const requested = await storage.cancelRequests("server");
      bench.sameSet(
        requested,
        ids,
        "the jobs that are to end",
        "the order in which rows are locked",
      );
    },
  },
  {
    name: "what has ended is queued again, as if it had never run",
    async check(storage, bench) {
      for (const state of ["succeeded", "failed", "cancelled"] as const) {
        await bench.put(storage, state, state);
        const from = await storage.now();
        bench.same(await storage.requeue([state]), [state], "what requeue() gives", "requeue()");
        const job = await bench.details(storage, state);
        const { attempt, endedAt, result, error, cancelRequested } = job;
        const wanted = { state: "enqueued", attempt: 0, cancelRequested: false };
        const actual = { state: job.state, attempt, endedAt, result, error, cancelRequested };
        bench.same(actual, wanted, `the job that was ${state}`, "requeue()");
        bench.between(job.dueAt, from, await storage.now(), "dueAt", "requeue()");
        const held = await bench.takeOne(storage);
        bench.same([held.id, held.attempt], [state, 1], "what take() gives", "requeue()");
        await bench.settle(storage, held, { state: "failed", error: "last" });
      }
    },
  },
  {
    name: "attempts begin at 1 again, and the records of the old ones stay",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const first = await bench.takeOne(storage);
      await bench.settle(storage, first, { state: "scheduled", delay: 1, error: "E1" });
      await bench.pass(25);
      const second = await bench.takeOne(storage);
      await storage.note(second, { progress: "0.5" });
      await bench.settle(storage, second, { state: "failed", error: "E2" });
      await storage.requeue(["a"]);
      const { progress } = await bench.details(storage, "a");
      bench.same(progress, undefined, "progress", "requeue()");
      const third = await bench.takeOne(storage);
      bench.holds(
        third.token !== first.token && third.token !== second.token,
        "the token is another one",
        third.token,
        "requeue()",
      );
      await bench.settle(storage, third, { state: "succeeded", result: "1" });
      const { attempts } = await bench.details(storage, "a");
      const records = attempts.map((it) => [it.attempt, it.error]);
      const wanted = [[1, "E1"], [2, "E2"], [1, undefined]];
      bench.same(records, wanted, "the records of the attempts", "requeue()");
    },
  },
  {
    name: "what is scheduled runs at once, and its attempts go on",
    async check(storage, bench) {
      await bench.put(storage, "late", "scheduled");
      await storage.add([jobOf("retry")]);
      const { retry } = await bench.hold(storage, ["retry"]);
      await bench.settle(storage, retry, { state: "scheduled", delay: bench.long, error: "E" });
      const from = await storage.now();
      const both = ["late", "retry"];
      bench.sameSet(await storage.requeue(both), both, "what requeue() gives", "requeue()");
      const { error, dueAt } = await bench.details(storage, "retry");
      bench.same(error, "E", "the error of its last attempt", "requeue() of a retry");
      bench.between(dueAt, from, await storage.now(), "dueAt", "requeue()");
      const again = await bench.hold(storage, ["late", "retry"]);
      const numbers = [again.late.attempt, again.retry.attempt];
      bench.same(numbers, [1, 2], "the attempts", "requeue() of a retry");
    },
  },
  {
    name: "what is queued again waits for none of its parents",
    async check(storage, bench) {
      await storage.add([jobOf("parent"), jobOf("child", { parents: ["parent"] })]);
      await storage.cancel(["parent"]);
      await bench.are(storage, { parent: "cancelled", child: "cancelled" }, look);
      bench.same(await storage.requeue(["child"]), ["child"], "what requeue() gives", "requeue()");
      await bench.are(storage, { parent: "cancelled", child: "enqueued" }, "requeue()");
      await storage.requeue(["parent"]);
      await bench.are(storage, { parent: "enqueued", child: "enqueued" }, "requeue() of a parent");
      bench.sameSet(await bench.taken(storage), ["child", "parent"], "what can be taken", look);
    },
  },
  {
    name: "what awaits, is enqueued, in hands or unknown is not queued again",
    async check(storage, bench) {
      await storage.add([jobOf("processing")]);
      await bench.takeOne(storage);
      await storage.add([jobOf("enqueued"), jobOf("awaiting", { parents: ["enqueued"] })]);
      const ids = ["processing", "enqueued", "awaiting"];
      const before = await Promise.all(ids.map((id) => storage.get(id)));
      const queued = await storage.requeue([...ids, "nobody"]);
      bench.same(queued, [], "what requeue() gives", "requeue()");
      const after = await Promise.all(ids.map((id) => storage.get(id)));
      bench.same(after, before, "the jobs then", "requeue()");
      bench.same(await storage.requeue([]), [], "a requeue() of no job", "requeue()");
    },
  },
  {
    name: "a job whose key another one has is not queued again",
    async check(storage, bench) {
      const fields = { key: "k", keyUntil: "ended" } as const;
      await bench.put(storage, "a", "failed", fields);
      const before = await bench.details(storage, "a");
      await storage.add([jobOf("rival", fields), jobOf("other", { name: "other", key: "k" })]);
      bench.same(await storage.requeue(["a"]), [], "what requeue() gives", "the key in requeue()");
      const rival = await bench.takeOne(storage);
      bench.same(await storage.requeue(["a"]), [], "what requeue() gives", "the key in requeue()");
      bench.same(await bench.details(storage, "a"), before, "the job then", "requeue()");
      await bench.settle(storage, rival);
      bench.same(await storage.requeue(["a"]), ["a"], "what requeue() gives then", "requeue()");
    },
  },
  {
    name: "a job that is queued again has its key again",
    async check(storage, bench) {
      for (const keyUntil of ["started", "ended"] as const) {
        const fields = { key: keyUntil, keyUntil, queue: keyUntil } as const;
        await bench.put(storage, keyUntil, "failed", fields);
        await storage.requeue([keyUntil]);
        const kept = await storage.add([jobOf(`after ${keyUntil}`, fields)]);
        bench.same(kept, [{ id: keyUntil, added: false }], "what add() gives", "requeue()");
      }
    },
  },
  {
    name: "of two jobs with one key that are queued again together one is",
    async check(storage, bench) {
      const other = await bench.open();
      const fields = { key: "k", keyUntil: "ended" } as const;
      for (const id of ["a", "b"]) await bench.put(storage, id, "cancelled", fields);
      bench.same(await storage.requeue(["a", "b"]), ["a"], "what requeue() gives", "requeue()");
      await bench.are(storage, { a: "enqueued", b: "cancelled" }, "the key in requeue()");
      await storage.cancel(["a"]);
      const queued = await bench.atOnce(
        [storage, other],
        8,
        (it, index) => it.requeue([index % 2 ? "a" : "b"]),
      );
      bench.same(queued.flat().length, 1, "how many were queued again", "the key in requeue()");
    },
  },
];
