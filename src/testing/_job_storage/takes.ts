import { jobOf, jobsOf, type JobStorageCheck, takeOf } from "./bench.ts";

const look = "take()";

/** What `take` and `pause` promise. */
export const takes: readonly JobStorageCheck[] = [
  {
    name: "a job that is taken is processing, and held by the server",
    async check(storage, bench) {
      await storage.add([jobOf("a", { input: "1", headers: { a: "b" }, key: "k", priority: 3 })]);
      const from = await storage.now();
      const held = await bench.takeOne(storage, { server: "server 1" });
      const to = await storage.now();
      const { token, ...record } = held;
      bench.holds(Number.isSafeInteger(token), "token is a whole number", token, look);
      const { children: _, log: _1, ...stored } = await bench.details(storage, "a");
      bench.same(record, stored, "what take() gives", "whether it is the job as get() gives it");
      const { state, attempt, server, startedAt, cancelRequested } = stored;
      const wanted = {
        state: "processing",
        attempt: 1,
        server: "server 1",
        cancelRequested: false,
      };
      bench.same({ state, attempt, server, cancelRequested }, wanted, "a job in hands", look);
      bench.between(startedAt, from, to, "startedAt", "the storage's clock in take()");
    },
  },
  {
    name: "take() gives nothing where there is nothing",
    async check(storage, bench) {
      bench.same(await storage.take(takeOf()), { jobs: [] }, "what take() gives", look);
      await storage.add([jobOf("a", { queue: "other" })]);
      bench.same(await storage.take(takeOf()), { jobs: [] }, "what take() gives", "the queue");
      bench.same(await bench.taken(storage, { queue: "other" }), ["a"], "the other queue", look);
    },
  },
  {
    name: "jobs are taken by priority, then by when they are due, then by when they were added",
    async check(storage, bench) {
      const now = await storage.now();
      await storage.add([
        jobOf("low", { priority: -5, at: now - 9_000 }),
        jobOf("c", { at: now - 1_000 }),
        jobOf("b", { at: now - 2_000 }),
        jobOf("b 2", { at: now - 2_000 }),
      ]);
      await storage.add([jobOf("b 1", { at: now - 2_000 }), jobOf("a", { at: now - 3_000 })]);
      await storage.add([jobOf("high", { priority: 10 }), jobOf("higher", { priority: 11 })]);
      const wanted = ["higher", "high", "a", "b", "b 2", "b 1", "c", "low"];
      const first = await bench.taken(storage, { max: 3 });
      bench.same(first, wanted.slice(0, 3), "what the first take() gives", "its order");
      const rest = await bench.taken(storage);
      bench.same(rest, wanted.slice(3), "what the second take() gives", "its order");
    },
  },
  {
    name: "take() gives max jobs at most, and a taken one to nobody else",
    async check(storage, bench) {
      const other = await bench.open();
      await storage.add(jobsOf(5));
      const ids = jobsOf(5).map(({ id }) => id);
      bench.same(await bench.taken(storage, { max: 2 }), ids.slice(0, 2), "the first take", "max");
      bench.same(await bench.taken(other, { max: 1 }), ids.slice(2, 3), "the second take", "max");
      bench.same(await bench.taken(storage), ids.slice(3), "the third take", look);
      bench.same(
        await bench.taken(other),
        [],
        "the fourth take",
        "whether a hold keeps others out",
      );
    },
  },
  {
    name: "a server gets only jobs whose names it knows",
    async check(storage, bench) {
      await storage.add([
        jobOf("new", { name: "new", priority: 1 }),
        jobOf("a"),
        jobOf("b", { name: "old" }),
      ]);
      const known = await bench.taken(storage, { names: ["job", "old"], max: 1 });
      bench.same(known, ["a"], "what take() gives", "names");
      bench.same(await bench.taken(storage, { names: ["old", "job"] }), ["b"], "the rest", "names");
      await bench.are(storage, { new: "enqueued" }, "names");
      bench.same(await bench.taken(storage, { names: [] }), [], "take() without a name", "names");
      bench.same(await bench.taken(storage, { names: ["new"] }), ["new"], "the new one", "names");
    },
  },
  {
    name: "many servers that take at the same time never share a job, and leave none",
    async check(storage, bench) {
      const both = [storage, await bench.open()];
      await storage.add(jobsOf(60));
      const takes = await bench.atOnce(
        both,
        20,
        (it, index) => it.take(takeOf({ max: 3, server: `${index}` })),
      );
      const taken = takes.flatMap(({ jobs }) => jobs);
      const ids = taken.map(({ id }) => id);
      bench.same(new Set(ids).size, ids.length, "the number of different jobs", "how take() locks");
      for (const { jobs } of takes) {
        bench.holds(jobs.length <= 3, "take() gives max jobs at most", jobs.length, "max");
      }
      // A taker may have passed over jobs that another one was about to take.
      const rest = await bench.taken(storage);
      bench.sameSet([...ids, ...rest], jobsOf(60).map(({ id }) => id), "all that was taken", look);
      for (const [index, { jobs }] of takes.entries()) {
        const servers = jobs.map(({ server }) => server);
        bench.same(servers, jobs.map(() => `${index}`), "the server of each job", look);
      }
    },
  },
  {
    name: "each take of a job is another attempt with another token",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const tokens = new Set<number>();
      for (let attempt = 1; attempt <= 4; attempt++) {
        const held = await bench.takeOne(storage, { server: `${attempt}` });
        bench.same(held.attempt, attempt, "attempt", "take()");
        bench.holds(!tokens.has(held.token), "each take has another token", held.token, look);
        tokens.add(held.token);
        const at = held.startedAt ?? 0;
        await bench.settle(storage, held, { state: "scheduled", delay: 1, error: "E" });
        await bench.pass(25);
        const { startedAt, server } = await bench.details(storage, "a");
        bench.same([startedAt, server], [at, `${attempt}`], "startedAt and server later", look);
      }
    },
  },
  {
    name: "take() tells when the next job is due, whatever its name",
    async check(storage, bench) {
      await storage.add([
        jobOf("later", { delay: bench.long * 2 }),
        jobOf("late", { delay: bench.long, name: "unknown" }),
        jobOf("other", { delay: 1_000, queue: "other" }),
        jobOf("now"),
      ]);
      const { dueAt } = await bench.details(storage, "late");
      for (const wanted of [["now"], []]) {
        const from = await storage.now();
        const { jobs, dueIn } = await storage.take(takeOf());
        bench.same(jobs.map(({ id }) => id), wanted, "what take() gives", look);
        bench.between(dueIn, dueAt - await storage.now(), dueAt - from, "dueIn", "dueIn of take()");
      }
    },
  },
  {
    name: "take() tells of no due time where no job is scheduled",
    async check(storage, bench) {
      await storage.add([jobOf("a"), jobOf("b"), jobOf("c", { parents: ["a"] })]);
      const { dueIn } = await storage.take(takeOf({ max: 1 }));
      bench.same(dueIn, undefined, "dueIn", "which states dueIn looks at");
    },
  },
  {
    name: "a retry is taken when its delay is over, not before",
    async check(storage, bench) {
      await storage.add([jobOf("soon"), jobOf("late")]);
      const { jobs } = await storage.take(takeOf());
      for (const held of jobs) {
        const delay = held.id === "soon" ? bench.short : bench.long;
        await bench.settle(storage, held, { state: "scheduled", delay, error: "E" });
      }
      await bench.are(storage, { late: "scheduled" }, "settle() as scheduled");
      await bench.outlast();
      bench.same(await bench.taken(storage), ["soon"], "what can be taken", "dueAt of a retry");
    },
  },
  {
    name: "a paused queue gives nothing, and tells of no due time; others go on",
    async check(storage, bench) {
      await storage.add([
        jobOf("a"),
        jobOf("late", { delay: bench.long }),
        jobOf("b", { queue: "other" }),
      ]);
      await storage.pause("default", true);
      bench.same(await storage.take(takeOf()), { jobs: [] }, "what take() gives", "pause()");
      bench.same(
        await bench.taken(storage, { queue: "other" }),
        ["b"],
        "the other queue",
        "pause()",
      );
      await storage.pause("default", false);
      bench.same(await bench.taken(storage), ["a"], "what take() gives then", "pause()");
    },
  },
  {
    name: "a pause holds for all that have opened the store, and whoever comes later",
    async check(storage, bench) {
      const other = await bench.open();
      await storage.add([jobOf("a")]);
      await other.pause("default", true);
      await other.pause("default", true);
      bench.same(await bench.taken(storage), [], "what take() gives", "where a pause is stored");
      const later = await bench.open();
      bench.same(await bench.taken(later), [], "what take() gives", "where a pause is stored");
      await storage.pause("default", false);
      await storage.pause("default", false);
      bench.same(await bench.taken(other), ["a"], "what take() gives then", "the end of a pause");
    },
  },
  {
    name: "jobs can be added, settled and cancelled while their queue is paused",
    async check(storage, bench) {
      await storage.add([jobOf("a"), jobOf("b", { parents: ["a"] })]);
      const held = await bench.takeOne(storage);
      await storage.pause("default", true);
      await storage.add([jobOf("c"), jobOf("d")]);
      await bench.settle(storage, held);
      bench.same(await storage.cancel(["c"]), ["c"], "what cancel() gives", "pause()");
      const wanted = { a: "succeeded", b: "enqueued", c: "cancelled", d: "enqueued" } as const;
      await bench.are(storage, wanted, "whether a pause keeps take() alone from working");
    },
  },
];
