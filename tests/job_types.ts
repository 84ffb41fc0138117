/**
 * Compiled, never run: what a job takes and gives is known from its definition to its result, and what does not fit does
 * not compile.
 */
import {
  defineJob,
  type Job,
  type JobClient,
  type JobId,
  type JobSchema,
  jobServer,
  type JobStorage,
} from "../src/jobs/mod.ts";

declare const storage: JobStorage;
declare const jobs: JobClient;
/** Takes texts, and makes numbers of them. */
declare const schema: JobSchema<string, number>;

const add = defineJob("add", { execute: ([a, b]: readonly [number, number]) => a + b });
const measure = defineJob("measure", {
  input: schema,
  unique: { key: (text) => text.toUpperCase() },
  execute: async (length, signal, { id, attempt }) => ({
    length: length.toFixed(),
    id: id.length + attempt,
    over: signal.aborted,
  }),
});

add satisfies Job<readonly [number, number], number>;
measure satisfies Job<number, { length: string; id: number; over: boolean }, string>;

export async function typed(): Promise<void> {
  const sum = await jobs.enqueue(add, [1, 2]);
  sum satisfies JobId<number>;
  sum satisfies JobId;
  await jobs.result(sum) satisfies number;
  (await jobs.result(await jobs.enqueue(measure, "text"))).length satisfies string;
  for (const id of await jobs.enqueueAll(measure, ["a", "b"])) {
    (await jobs.result(id)).over satisfies boolean;
  }
  const several: JobId[] = [sum, await jobs.enqueue(measure, "text", { after: sum, on: "ended" })];
  await jobs.enqueue(add, [3, 4], { after: several });
  await jobs.addOrUpdate("a", { job: measure, input: "text", pattern: "* * * * *" });
  jobServer("jobs", {
    storage,
    jobs: [add, measure],
    recurring: {
      sums: { job: add, input: [1, 2], pattern: "* * * * *" },
      texts: { job: measure, input: "text", pattern: "* * * * *", missed: "skip" },
    },
  });
}

export async function wrong(): Promise<void> {
  // @ts-expect-error -- an input of another type
  await jobs.enqueue(add, "1, 2");
  // @ts-expect-error -- one part of it is
  await jobs.enqueue(add, [1, "2"]);
  // @ts-expect-error -- no input
  await jobs.enqueue(add);
  // @ts-expect-error -- what the schema makes of it, in place of what it takes
  await jobs.enqueue(measure, 4);
  // @ts-expect-error -- one of them has another type
  await jobs.enqueueAll(measure, ["a", 2]);
  // @ts-expect-error -- several cannot share an id
  await jobs.enqueueAll(measure, ["a"], { id: "a" });
  // @ts-expect-error -- no such option
  await jobs.enqueue(add, [1, 2], { dealy: 1_000 });
  // @ts-expect-error -- no such condition
  await jobs.enqueue(add, [1, 2], { after: "a", on: "failed" });
  // @ts-expect-error -- no job
  await jobs.enqueue("add", [1, 2]);

  // @ts-expect-error -- another result
  await jobs.result(await jobs.enqueue(add, [1, 2])) satisfies string;
  // @ts-expect-error -- the id of a job with another result
  (await jobs.enqueue(add, [1, 2])) satisfies JobId<string>;
  // @ts-expect-error -- what a job of any kind results in is not known
  await jobs.result("some" as JobId) satisfies number;
  // @ts-expect-error -- no such state
  await jobs.list({ state: "done" });

  // @ts-expect-error -- an input of another type
  await jobs.addOrUpdate("a", { job: measure, input: 4, pattern: "* * * * *" });
  jobServer("jobs", {
    storage,
    jobs: [add],
    // @ts-expect-error -- the same
    recurring: { sums: { job: add, input: "1, 2", pattern: "* * * * *" } },
  });
  // @ts-expect-error -- a job has a handler
  jobServer("jobs", { storage, jobs: [{ name: "add" }] });
  // @ts-expect-error -- there is no server without a storage
  jobServer("jobs", { jobs: [add] });

  // @ts-expect-error -- a handler of another type than the schema makes
  defineJob("a", { input: schema, execute: (text: string) => text });
  // @ts-expect-error -- a key of what the schema makes, in place of what it takes
  defineJob("a", { input: schema, unique: { key: (n: number) => `${n}` }, execute() {} });
  // @ts-expect-error -- a key that is no text
  defineJob("a", { unique: { key: (n: number) => n }, execute: (_: number) => {} });
  // @ts-expect-error -- no schema
  defineJob("a", { input: { parse: String }, execute() {} });
  // @ts-expect-error -- no handler
  defineJob("a", { queue: "mails" });
  // @ts-expect-error -- no such setting
  defineJob("a", { execute() {}, attempts: 3 });
}
