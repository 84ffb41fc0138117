/** What `postgres()` does where the database or its client does not; with a real one: `tests/engines/`. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deferred } from "../src/_deferred.ts";
import { postgres, type PostgresOptions } from "../src/jobs/postgres/mod.ts";
import { known } from "../src/jobs/postgres/_schema.ts";
import type { JobStorage } from "../src/jobs/mod.ts";
import { testContext } from "../src/testing/mod.ts";
import { rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";

guard(test);

/** A row of a job in hands. */
const row = {
  ...{ seq: 1, id: "a", name: "job", queue: "q", priority: 0, state: "processing", input: "1" },
  ...{
    headers: "{}",
    created_at: 1,
    due_at: 1,
    started_at: 2,
    attempt: 1,
    attempts: "[]",
    token: 1,
  },
  ...{ cancel_requested: false, key_until: "started", parents: "[]", parents_on: "succeeded" },
};

/** A database that answers by what is asked; with its tables. */
function databaseOf(answers: Readonly<Record<string, () => unknown[]>>): PostgresOptions["query"] {
  const all = { "select version": () => [{ version: known }], ...answers };
  return async (text) => {
    const [, answer = () => []] = Object.entries(all).find(([part]) => text.includes(part)) ?? [];
    return answer();
  };
}

async function opened(options: PostgresOptions): Promise<JobStorage> {
  const storage = postgres({ ...options, migrate: false });
  await storage.start(new AbortController().signal, testContext({ name: "jobs" }));
  return storage;
}

const take = { queue: "q", names: ["job"], max: 2, server: "s", holdTimeout: 1_000 };

test("take() gives what it has taken, though nothing is known of what is due next", async () => {
  const query = databaseOf({
    ".take(": () => [row],
    ".due_in(": () => {
      throw new Error("The connection is closed");
    },
  });
  const storage = await opened({ query });
  const { jobs } = await storage.take(take);
  assert.equal(jobs.map(({ id }) => id), ["a"]);
  await storage.stop();
});

test("stop() does not wait for a client that does not say goodbye", async () => {
  const listens = deferred();
  const client = {
    connect: async () => {},
    query: async () => listens.resolve(),
    on: () => {},
    end: () => new Promise<void>(() => {}),
  };
  const storage = await opened({ query: databaseOf({}), listen: () => client });
  await listens.promise;
  await new Promise((resolve) => setTimeout(resolve));
  await storage.stop();
});

test("a call that PostgreSQL has ended for another is made again, any other error says what to do", async () => {
  let calls = 0;
  const query = databaseOf({
    ".add_jobs(": () => {
      if (++calls < 3) throw Object.assign(new Error("deadlock detected"), { code: "40P01" });
      return [{ id: "a", added: true, missing: null }];
    },
    ".queues": () => [],
    ".counts": () => {
      throw Object.assign(new Error("password authentication failed"), { code: "28P01" });
    },
  });
  const storage = await opened({ query });
  assert.equal(await storage.add([]), [{ id: "a", added: true }]);
  assert.is(calls, 3);
  const error = await rejection(storage.queues());
  assert.match(error.message, /schema "runhost": .*failed: give the pool a user and a password/);
  await storage.stop();
  assert.match((await rejection(storage.queues())).message, /it is not open/);
});

test("ends of jobs that come together share a statement, and each has its own answer", async () => {
  const asked: number[] = [];
  const query: PostgresOptions["query"] = async (text, values) => {
    if (text.includes("select version")) return [{ version: known }];
    if (!text.includes("settle_each")) return [];
    const all = JSON.parse(values[0] as string) as { readonly id: string }[];
    asked.push(all.length);
    return all.map(({ id }) => ({ outcome: id === "lost" ? null : "succeeded", queues: null }));
  };
  const storage = await opened({ query });
  const settled = await Promise.all(
    ["a", "lost", "b"].map((id) => storage.settle({ id, token: 1 }, { state: "succeeded" })),
  );
  assert.equal(settled, ["succeeded", false, "succeeded"]);
  assert.equal(asked, [3]);
  await storage.stop();
});

test("postgres() refuses bad options by name", () => {
  const query = databaseOf({});
  const bad: [options: unknown, message: RegExp][] = [
    [{}, /postgres options\.query/],
    [{ query, schema: "My Schema" }, /postgres options\.schema: "My Schema" is no name/],
    [{ query, listen: {} }, /postgres options\.listen/],
    [{ query, migrate: "yes" }, /postgres options\.migrate/],
  ];
  for (const [options, message] of bad) {
    assert.match(thrown(() => postgres(options as PostgresOptions)).message, message);
  }
});

test.run();
