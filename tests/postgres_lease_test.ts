/** What a `postgresLease` makes of what a database says; with a real one it is run in engines/. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { postgresLease } from "../src/postgres/mod.ts";
import { rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";

guard(test);

const { signal } = new AbortController();
const options = { holder: "a", duration: 1_000 };

/** The error of a database. */
const failure = (code: string): Error => Object.assign(new Error(`code ${code}`), { code });

/** A database without the table, which answers to its making as the test says. */
function database(created: () => unknown): { query(text: string): Promise<{ rows: unknown[] }> } {
  let isThere = false;
  return {
    async query(text) {
      if (text.startsWith("create")) {
        isThere = true;
        created();
      }
      if (!isThere) throw failure("42P01");
      return { rows: [{ epoch: "7" }] };
    },
  };
}

for (const code of ["42P07", "42710", "23505"]) {
  test(`postgresLease() goes on when another session makes the table in the same moment (${code})`, async () => {
    const query = database(() => {
      throw failure(code);
    });
    const term = await postgresLease({ query, name: "nightly" }).acquire(signal, options);
    assert.is(term?.token, 7);
  });
}

test("postgresLease() fails when its table cannot be made, and says what to do", async () => {
  const query = database(() => {
    throw failure("42501");
  });
  const error = await rejection(postgresLease({ query, name: "nightly" }).acquire(signal, options));
  assert.match(error.message, /code 42501: let its user use table runhost_leases, or make it as /);
});

test("postgresLease() refuses what is no name of a table, or nothing to query", () => {
  const query = async () => [];
  for (const table of ["", "a b", "a;drop table b", 'a"b', "a.b.c", "1a"]) {
    assert.instance(thrown(() => postgresLease({ query, name: "nightly", table })), TypeError);
  }
  for (const table of ["leases", "jobs.leases", '"my schema"."my leases"']) {
    postgresLease({ query, name: "nightly", table });
  }
  assert.match(
    thrown(() => postgresLease({ query: "postgres://localhost" as never, name: "nightly" }))
      .message,
    "Cannot use postgresLease options.query: expected a function that queries, or an object with one",
  );
});

test.run();
