/** Faults of jobs: their server, their clients, and their storages. */
import type { Mutant } from "./mutant.ts";

const server = "src/jobs/job_server.ts";
const client = "src/jobs/job_client.ts";
const delivery = "src/jobs/_job_delivery.ts";
const source = "src/jobs/_queue_source.ts";
const timetable = "src/jobs/_timetable.ts";
const notebook = "src/jobs/_notebook.ts";
const minutes = "src/jobs/_minutes.ts";
const memory = "src/testing/fake_job_storage.ts";
const table = "src/jobs/sqlite/_job_table.ts";
const list = "src/jobs/sqlite/_job_list.ts";
const recurring = "src/jobs/sqlite/_recurring_table.ts";
const serverTests = ["tests/job_server"];
const fuzz = ["tests/job_fuzz"];
const contract = ["tests/job_storage_contract"];
const sqlite = ["tests/sqlite_storage"];

export const jobs: readonly Mutant[] = [
  {
    fault: "a last attempt that fails at the end of the grace is tried again",
    file: delivery,
    from: "if (this.attempt >= this.#owner.attemptsOf(this.value))",
    to: "if (this.attempt < 0)",
    tests: fuzz,
  },
  {
    fault: "a hold counts from when the server is told of it",
    file: delivery,
    from: "this.heldSince = askedAt;",
    to: "this.heldSince = owner.context.clock.now();",
    tests: fuzz,
  },
  {
    fault: "a job that was interrupted is taken for one that has failed",
    file: delivery,
    from: 'if (error === undefined) return await this.#settle({ state: "enqueued" });',
    to: "",
    tests: fuzz,
  },
  {
    fault: "an attempt whose hold is lost goes on",
    file: delivery,
    from: 'return state !== "lost";',
    to: "return true;",
    tests: serverTests,
  },
  {
    fault: "a hold is not extended",
    file: delivery,
    from:
      "const [state] = await this.#owner.storage.extend([this.value], this.#owner.holdTimeout);",
    to: 'const [state] = ["held" as string];',
    tests: fuzz,
  },
  {
    fault: "a handler does not hear of a cancel by the answer to its extension",
    file: delivery,
    from: 'if (state === "cancelRequested") this.cancel();',
    to: "",
    tests: serverTests,
  },
  {
    fault: "what a handler said last is not stored before its end",
    file: delivery,
    from: "await this.notebook.close();",
    to: "",
    tests: serverTests,
  },
  {
    fault: "a job that is settled is still in the hands of its server",
    file: delivery,
    from: "this.#owner.settling(this);",
    to: "",
    tests: serverTests,
  },
  {
    fault: "a queue is not looked at when a job is due",
    file: source,
    from: "Math.min(Math.ceil(dueIn), longestRest)",
    to: "longestRest",
    tests: serverTests,
  },
  {
    fault: "a queue whose storage tells of nothing is not looked at",
    file: source,
    from: "Math.min(Math.ceil(dueIn), longestRest)",
    to: "Math.ceil(Math.min(dueIn, 2_000_000_000))",
    tests: serverTests,
  },
  {
    fault: "a wake during a look is missed",
    file: "src/_time/rest.ts",
    from: "if (this.#isNew || signal?.aborted) return;",
    to: "if (signal?.aborted) return;",
    tests: ["tests/job_server", "tests/job_fuzz"],
  },
  {
    fault: "jobs of servers that are gone are nobody's",
    file: server,
    from: "for (const record of await this.storage.expired(names, batch)) {",
    to: "for (const record of (await this.storage.expired(names, batch)).slice(0, 0)) {",
    tests: fuzz,
  },
  {
    fault: "a job that kills its server is tried for ever",
    file: server,
    from: "const isLast = record.attempt >= retry.attempts;",
    to: "const isLast = false;",
    tests: fuzz,
  },
  {
    fault: "what died together comes back together",
    file: server,
    from: "const spread = { ...retry, jitter: Math.max(retry.jitter, 0.5) };",
    to: "const spread = retry;",
    tests: serverTests,
  },
  {
    fault: "a cancelled job whose handler fails is tried again",
    file: server,
    from: "if (!cancelled.aborted) throw error;",
    to: "throw error;",
    tests: serverTests,
  },
  {
    fault: "an input that its schema refuses is tried again",
    file: server,
    from: "held.refused = true;",
    to: "",
    tests: serverTests,
  },
  {
    fault: "a result that cannot be stored undoes the work",
    file: server,
    from: 'return { state: "succeeded", error: errorText(error) };',
    to: "throw error;",
    tests: serverTests,
  },
  {
    fault: "a server that stops leaves the storage open",
    file: server,
    from: "await super.stop(signal, context); }",
    to: "}",
    tests: fuzz,
  },
  {
    fault: "a server that has stopped still listens",
    file: server,
    from: "await this.#work.stop(signal, context); this.#unsubscribe();",
    to: "await this.#work.stop(signal, context);",
    tests: fuzz,
  },
  {
    fault: "a start that fails leaves the storage open",
    file: server,
    from: "await super.stop().catch(nothing); // what failed first counts",
    to: "",
    tests: serverTests,
  },
  {
    fault: "a server that stops is still listed",
    file: server,
    from: "await this.storage.removeServer(run.id);",
    to: "",
    tests: serverTests,
  },
  {
    fault: "a full batch of old jobs is the last one",
    file: server,
    from: "=== purgeBatch);",
    to: "< 0);",
    tests: serverTests,
  },
  {
    fault: "the counts of a beat that failed are lost",
    file: server,
    from: "this.#minutes.putBack(minutes);",
    to: "",
    tests: serverTests,
  },
  {
    fault: "the counts of a minute take the place of what was put back",
    file: minutes,
    from: "counts[name] += it[name];",
    to: "counts[name] = it[name];",
    tests: serverTests,
  },
  {
    fault: "an occurrence is made though the last job runs",
    file: timetable,
    from: "if (!skips) return now + busyRest;",
    to: "",
    tests: serverTests,
  },
  {
    fault: "each moment that was missed makes a job",
    file: timetable,
    from: "nextAfter(skips ? due : now)",
    to: "nextAfter(due)",
    tests: serverTests,
  },
  {
    fault: "a moment that was missed by more than a minute is not skipped",
    file: timetable,
    from: "const due = skips && now - seenAt > tolerance",
    to: "const due = skips && now - seenAt > Infinity",
    tests: serverTests,
  },
  {
    fault: "a recurring job that cannot be read is told of again and again",
    file: timetable,
    from: "if (!this.#failing.has(recurring.id)) failed(recurring.id, error);",
    to: "failed(recurring.id, error);",
    tests: serverTests,
  },
  {
    fault: "each word of a handler is stored on its own",
    file: notebook,
    from: "if (this.#isWaiting) return;",
    to: "",
    tests: serverTests,
  },
  {
    fault: "what a handler says after its end is stored",
    file: notebook,
    from: "if (this.#isClosed) return;\n    const text",
    to: "const text",
    tests: serverTests,
  },
  {
    fault: "a result that nobody can wait for any more is waited for",
    file: client,
    from: "for (const rest of this.#waiting) rest.wake();",
    to: "",
    tests: serverTests,
  },
  {
    fault: "who waits for a result leaves a listener behind",
    file: client,
    from: "forget(); this.#waiting.delete(rest);",
    to: "this.#waiting.delete(rest);",
    tests: serverTests,
  },
  {
    fault: "a client's start that fails leaves it usable",
    file: client,
    from: "await this.storage.start(signal, context); this.context = context;",
    to: "this.context = context; await this.storage.start(signal, context);",
    tests: serverTests,
  },
  {
    fault: "all pages but the first are left alone",
    file: client,
    from: "} while (after !== undefined);",
    to: "} while (after === null);",
    tests: serverTests,
  },
  {
    fault: "a hold that has run out is extended",
    file: memory,
    from: 'if (!row || row.holdUntil <= now) return "lost";',
    to: 'if (!row) return "lost";',
    tests: contract,
  },
  {
    fault: "what goes in or out is shared",
    file: memory,
    from: "return structuredClone(value);",
    to: "return value;",
    tests: contract,
  },
  {
    fault: "jobs of a call that failed stay in memory",
    file: memory,
    from: "this.#rows = rows;",
    to: "",
    tests: contract,
  },
  {
    fault: "a key is never freed in memory",
    file: memory,
    from: 'if (row.keyUntil === "started") row.hasKey = false;',
    to: "",
    tests: contract,
  },
  {
    fault: "SQLite extends a hold that has run out",
    file: table,
    from: "state = 'processing' and hold_until > ? returning cancel_requested",
    to: "state = 'processing' and ? is not null returning cancel_requested",
    tests: sqlite,
  },
  {
    fault: "SQLite settles whatever hold there is",
    file: table,
    from: "from runhost_jobs where id = ? and token = ? and state = 'processing'`,",
    to: "from runhost_jobs where id = ? and ? is not null and state = 'processing'`,",
    tests: sqlite,
  },
  {
    fault: "SQLite deletes a parent whose child is awaiting",
    file: table,
    from: "where runhost_children.parent = job.id and child.state = 'awaiting')",
    to: "where runhost_children.parent = job.id and child.state = 'nowhere')",
    tests: sqlite,
  },
  {
    fault: "SQLite cannot list jobs in none of the states",
    file: list,
    from: "if (states.length === 0) return { hits: [], before: undefined };",
    to: "",
    tests: sqlite,
  },
  {
    fault: "SQLite fires what somebody else has fired",
    file: recurring,
    from: "where id = ? and next_at = ?",
    to: "where id = ? and ? is not null",
    tests: sqlite,
  },
];
