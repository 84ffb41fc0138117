import { broken } from "../contract.ts";
import { jobOf, type JobStorageCheck, takeOf } from "./bench.ts";
import type { JobStorage, NewJob } from "../../jobs/job_storage.ts";

/** Texts that a store has to bring back as they were: what is no plain text to an engine, too. */
export const texts: readonly string[] = [
  "",
  " a \t\r\n b ",
  `it's "quoted" -- ; /* \\ \` $1 ?1 :name %s`,
  "%_*[a-z]",
  "ünïcödé, 日本語, 😀, \u2028, e\u0301",
  "null",
];

/** JSON as somebody may have written it: an engine that reads and writes it anew gives another text. */
const documents: readonly string[] = [
  `null`,
  `"text"`,
  `{"b":1,"a":[2.50,1e3,-0],"b":2}`,
  `{ "spaces" : [ 1,\n 2 ] }`,
  `12345678901234567890.123`,
  `"\\u0000, \\ud800, \\u00e9"`,
  JSON.stringify(texts),
  JSON.stringify("long ".repeat(50_000)),
];

const look = "add()";

/** What `add` promises. */
export const adds: readonly JobStorageCheck[] = [
  {
    name: "a job is stored with all that it has",
    async check(storage, bench) {
      await storage.add([jobOf("parent")]);
      const from = await storage.now();
      const job: NewJob = {
        id: "full",
        name: "send",
        queue: "mails",
        priority: 7,
        input: `{"to":"a"}`,
        headers: { traceparent: "00-1-2-03" },
        key: "a",
        keyUntil: "ended",
        parents: ["parent"],
        parentsOn: "ended",
        recurring: "nightly",
      };
      bench.same(await storage.add([job]), [{ id: "full", added: true }], "what add() gives", look);
      const { createdAt, dueAt, ...rest } = await bench.details(storage, "full");
      bench.between(createdAt, from, await storage.now(), "createdAt", look);
      bench.between(dueAt, createdAt, createdAt, "dueAt of a job without a delay", look);
      const wanted = {
        ...job,
        state: "awaiting",
        attempt: 0,
        cancelRequested: false,
        attempts: [],
        children: [],
        log: [],
      };
      bench.same(rest, wanted, "the stored job", "the columns that add() writes");
    },
  },
  {
    name: "a job without a parent or a delay is enqueued, with as little as it may have",
    async check(storage, bench) {
      await storage.add([jobOf("plain")]);
      const { createdAt: _, dueAt: _1, ...rest } = await bench.details(storage, "plain");
      const wanted = {
        ...jobOf("plain"),
        state: "enqueued",
        attempt: 0,
        cancelRequested: false,
        attempts: [],
        children: [],
        log: [],
      };
      bench.same(rest, wanted, "the stored job", "what is not set: undefined, and not null");
    },
  },
  {
    name: "many jobs are added in one call, and answered in their order",
    async check(storage, bench) {
      const ids = Array.from({ length: 1_200 }, (_, index) => `job ${(index * 7) % 1_200}`);
      const added = await storage.add(ids.map((id) => jobOf(id)));
      bench.same(added, ids.map((id) => ({ id, added: true })), "what add() gives", look);
      const found = await bench.listed(storage, {}, 500);
      bench.same(found.length, ids.length, "the number of jobs", "how many jobs one add() stores");
    },
  },
  {
    name: "an add of no job stores none",
    async check(storage, bench) {
      bench.same(await storage.add([]), [], "what add() gives", look);
      bench.same(await bench.listed(storage), [], "the list of jobs", look);
    },
  },
  {
    name: "a job whose id is stored keeps out, and changes nothing",
    async check(storage, bench) {
      await storage.add([jobOf("a", { input: "1" })]);
      const added = await storage.add([
        jobOf("a", { input: "2", name: "other", key: "k" }),
        jobOf("b"),
        jobOf("b", { input: "3" }),
      ]);
      const wanted = [
        { id: "a", added: false },
        { id: "b", added: true },
        { id: "b", added: false },
      ];
      bench.same(added, wanted, "what add() gives", "whether add() knows the ids it has");
      const { input, name } = await bench.details(storage, "a");
      bench.same({ input, name }, { input: "1", name: "job" }, "the first job", look);
      bench.same((await bench.details(storage, "b")).input, "null", "the first job's input", look);
    },
  },
  {
    name: "a job that has ended keeps its id",
    async check(storage, bench) {
      await bench.put(storage, "a", "succeeded");
      const added = await storage.add([jobOf("a")]);
      bench.same(added, [{ id: "a", added: false }], "what add() gives", look);
      await bench.are(storage, { a: "succeeded" }, look);
    },
  },
  {
    name: "of jobs with one id that are added at the same time one is stored",
    async check(storage, bench) {
      const both = [storage, await bench.open()];
      const added = await bench.atOnce(
        both,
        10,
        (it, index) => it.add([jobOf("a", { input: `${index}` })]),
      );
      const first = added.flatMap(([it], index) => it?.added ? [index] : []);
      bench.same(first.length, 1, "the number of jobs that were added", "the primary key");
      const { input } = await bench.details(storage, "a");
      bench.same(input, `${first[0]}`, "the input of the job that was added", look);
    },
  },
  {
    name: "a parent that is not stored is an error, and no job of the call is stored",
    async check(storage, bench) {
      await storage.add([jobOf("parent")]);
      await missing(
        storage,
        [
          jobOf("a"),
          jobOf("b", { parents: ["parent", "nobody"] }),
          jobOf("c"),
        ],
        "nobody",
      );
      bench.same(await bench.listed(storage), ["parent"], "the list of jobs", "all or none");
      bench.same(await storage.add([jobOf("a")]), [{ id: "a", added: true }], "a later add", look);
    },
  },
  {
    name: "a parent may stand in front of its child in one call, not behind",
    async check(storage, bench) {
      await storage.add([
        jobOf("a"),
        jobOf("b", { parents: ["a"] }),
        jobOf("c", { parents: ["a", "b"] }),
      ]);
      await bench.are(storage, { a: "enqueued", b: "awaiting", c: "awaiting" }, look);
      await missing(storage, [jobOf("d", { parents: ["e"] }), jobOf("e")], "e");
      await missing(storage, [jobOf("f", { parents: ["f"] })], "f");
      await bench.are(storage, { d: undefined, e: undefined, f: undefined }, "all or none");
    },
  },
  {
    name: "a job that its key has kept out is nobody's parent",
    async check(storage, bench) {
      await storage.add([jobOf("a", { key: "k" })]);
      await missing(storage, [jobOf("b", { key: "k" }), jobOf("c", { parents: ["b"] })], "b");
      bench.same(await bench.listed(storage), ["a"], "the list of jobs", "all or none");
    },
  },
  {
    name: "parents are kept in their order, and children are known to each of them",
    async check(storage, bench) {
      await storage.add([jobOf("b"), jobOf("a")]);
      await storage.add([jobOf("c", { parents: ["b", "a"] }), jobOf("d", { parents: ["a"] })]);
      const { parents } = await bench.details(storage, "c");
      bench.same(parents, ["b", "a"], "the parents of c", look);
      const a = await bench.details(storage, "a");
      const b = await bench.details(storage, "b");
      bench.sameSet(a.children, ["c", "d"], "the children of a", "children of get()");
      bench.sameSet(b.children, ["c"], "the children of b", "children of get()");
    },
  },
  {
    name: "a child of parents that have ended already need not wait for them",
    async check(storage, bench) {
      await bench.put(storage, "good", "succeeded");
      await bench.put(storage, "bad", "failed");
      await bench.put(storage, "gone", "cancelled");
      await storage.add([
        jobOf("a", { parents: ["good"] }),
        jobOf("b", { parents: ["good", "bad"] }),
        jobOf("c", { parents: ["good", "bad", "gone"], parentsOn: "ended" }),
        jobOf("d", { parents: ["good", "gone"] }),
      ]);
      const wanted = { a: "enqueued", b: "awaiting", c: "enqueued", d: "cancelled" } as const;
      await bench.are(storage, wanted, "whether add() looks at the state of the parents");
    },
  },
  {
    name: "a job with a delay is scheduled until that is over",
    async check(storage, bench) {
      await storage.add([
        jobOf("late", { delay: bench.long }),
        jobOf("soon", { delay: bench.short }),
      ]);
      const late = await bench.details(storage, "late");
      bench.same(late.state, "scheduled", "the state of a job with a delay", "delay");
      const due = late.createdAt + bench.long;
      bench.between(late.dueAt, due, due, "dueAt", "the storage's clock, and delay");
      await bench.outlast();
      bench.same(await bench.taken(storage), ["soon"], "what can be taken", "dueAt");
      await bench.are(storage, { late: "scheduled" }, "dueAt");
    },
  },
  {
    name: "a job may have a time at which it is due",
    async check(storage, bench) {
      const now = await storage.now();
      const [late, soon, past] = [now + bench.long, now + bench.short, now - 60_000];
      await storage.add([
        jobOf("late", { at: late }),
        jobOf("soon", { at: soon }),
        jobOf("past", { at: past }),
      ]);
      await bench.are(storage, { late: "scheduled" }, "at");
      const due = await Promise.all(
        ["late", "soon", "past"].map(async (id) => (await bench.details(storage, id)).dueAt),
      );
      bench.same(due, [late, soon, past], "dueAt of each job", "at");
      await bench.outlast();
      bench.same(await bench.taken(storage), ["past", "soon"], "what can be taken", "at");
    },
  },
  {
    name: "a job that awaits another is not taken, though it is due",
    async check(storage, bench) {
      await storage.add([
        jobOf("parent"),
        jobOf("now", { parents: ["parent"] }),
        jobOf("soon", { parents: ["parent"], delay: bench.short }),
      ]);
      await bench.outlast();
      bench.same(await bench.taken(storage), ["parent"], "what can be taken", "parents");
      await bench.are(storage, { now: "awaiting", soon: "awaiting" }, "parents");
    },
  },
  {
    name: "a child that is due later is scheduled when its parents have ended",
    async check(storage, bench) {
      const { id, token } = await parentOf(storage, [
        jobOf("late", { delay: bench.long, parents: ["parent"] }),
        jobOf("soon", { delay: bench.short, parents: ["parent"] }),
        jobOf("now", { parents: ["parent"] }),
      ]);
      await storage.settle({ id, token }, { state: "succeeded" });
      await bench.are(storage, { late: "scheduled", now: "enqueued" }, "the release of a child");
      await bench.outlast();
      bench.sameSet(await bench.taken(storage), ["now", "soon"], "what can be taken", "dueAt");
    },
  },
  {
    name: "texts of JSON come back as they were given, a long one, too",
    async check(storage, bench) {
      const jobs = documents.map((input, index) => jobOf(`${index}`, { input }));
      await storage.add(jobs);
      const { jobs: taken } = await storage.take(takeOf());
      for (const [index, { id, token, input }] of taken.entries()) {
        const text = documents[index] as string;
        bench.same(input, text, "input of what take() gives", "the type of its column: text");
        await storage.note({ id, token }, { progress: text });
        await storage.settle({ id, token }, { state: "succeeded", result: text });
        const { input: stored, progress, result } = await bench.details(storage, id);
        bench.same([stored, progress, result], [text, text, text], "input, progress, result", look);
      }
      bench.same(taken.length, documents.length, "the number of jobs", "take()");
    },
  },
  {
    name: "ids, names, queues, keys, headers, errors and servers may be any text",
    async check(storage, bench) {
      for (const text of texts.slice(1)) {
        const headers = { [text]: text, other: "" };
        const [id, name, queue, key, server] = [text, text, text, text, text];
        const parts = { name, queue, key, headers, recurring: text };
        const added = await storage.add([jobOf(id, parts), jobOf(`${id} 2`, parts)]);
        bench.same(added[1], { id, added: false }, "what add() gives for a key in use", "key");
        const { jobs } = await storage.take(takeOf({ queue, names: [name], server }));
        bench.same(jobs.map((it) => it.id), [id], "what can be taken", "parameters of statements");
        const hold = { id, token: jobs[0]?.token as number };
        await storage.note(hold, { log: [{ at: 1, text }] });
        await storage.settle(hold, { state: "failed", error: text });
        const job = await bench.details(storage, id);
        const { log, error, attempts } = job;
        const stored = [job.name, job.queue, job.key, job.recurring, job.server, error];
        bench.same(stored, stored.map(() => text), "each text of the job", "how texts are stored");
        bench.same(job.headers, headers, "headers", "how headers are stored");
        bench.same(
          [log[0]?.text, attempts[0]?.error],
          [text, text],
          "log and attempt",
          "its texts",
        );
      }
    },
  },
  {
    name: "keys, errors and lines of a log do not end at a NUL, nor at half a pair of surrogates",
    async check(storage, bench) {
      const text = "begin \0 \ud800 end";
      const parts = { key: text, keyUntil: "started" } as const;
      await storage.add([jobOf("a", parts)]);
      const held = await bench.takeOne(storage);
      const other = await storage.add([jobOf("b", parts), jobOf("c", parts)]);
      bench.same(other[1], { id: "b", added: false }, "what add() gives for a key in use", "key");
      await storage.note(held, { log: [{ at: 1, text }] });
      const settlement = { state: "scheduled", delay: bench.long, error: text } as const;
      await bench.settle(storage, held, settlement);
      const { key, error, log, attempts } = await bench.details(storage, "a");
      const stored = [key, error, log[0]?.text, attempts[0]?.error];
      bench.same(
        stored.map((it) => it?.replaceAll(/[\0\ud800\ufffd]/gu, "?")), // another character may be in their place
        stored.map(() => "begin ? ? end"),
        "key, error, log and attempt",
        "how texts are stored",
      );
    },
  },
  {
    name: "ids, names, queues and keys that differ in their case are different",
    async check(storage, bench) {
      const added = await storage.add([
        jobOf("a", { key: "k" }),
        jobOf("A", { key: "K" }),
        jobOf("b", { key: "k", name: "JOB" }),
        jobOf("c", { queue: "Default" }),
      ]);
      bench.same(added.map((it) => it.added), [true, true, true, true], "added", "the collation");
      bench.same(await bench.taken(storage), ["a", "A"], "what can be taken", "the collation");
      bench.same(await storage.cancel(["B"]), [], "what cancel() gives", "the collation");
    },
  },
];

/** Adds jobs of which one has a parent that is not stored. */
async function missing(
  storage: JobStorage,
  jobs: readonly NewJob[],
  parent: string,
): Promise<void> {
  const expected = `add() rejects with a MissingParentError of "${parent}"`;
  let error: unknown;
  try {
    await storage.add(jobs);
  } catch (reason) {
    // What a call rejects with is the cause of what the bench says of it.
    error = (reason as Error).cause;
    const { code, parent: named } = error as { code?: unknown; parent?: unknown };
    if (code === "ERR_MISSING_PARENT" && named === parent) return;
  }
  throw broken(expected, error ? `it was ${error}` : "it did not", "the parents of add()", error);
}

/** Adds `parent` and those that come after it, and takes it. */
async function parentOf(
  storage: JobStorage,
  children: readonly NewJob[],
): Promise<{ readonly id: string; readonly token: number }> {
  await storage.add([jobOf("parent"), ...children]);
  const [parent] = (await storage.take(takeOf({ max: 1 }))).jobs;
  if (!parent) throw broken("take() gives the parent", "it gives nothing", "take()");
  return parent;
}
