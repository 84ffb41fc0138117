import type { Scenario, Variant } from "../_scenario.ts";

/** The stores of jobs, and what is told to each program besides. */
export function stores(word?: string): Variant[] {
  const told = (argument: string) => ({
    argument: [word, argument].filter(Boolean).join(" "),
  });
  const ofNode = { ...told(""), runtimes: ["node"] } as const;
  return [
    {
      name: "runhost, SQLite",
      program: "../jobs/runhost.mjs",
      ...told("full"),
    },
    {
      name: "runhost, SQLite, normal",
      program: "../jobs/runhost.mjs",
      ...told("normal"),
    },
    {
      name: "runhost, PostgreSQL",
      program: "../jobs/runhost.mjs",
      needs: "POSTGRES_URL",
      ...told("postgres"),
    },
    {
      name: "BullMQ, Redis",
      program: "../jobs/bullmq.mjs",
      needs: "REDIS_URL",
      ...ofNode,
    },
    {
      name: "graphile-worker",
      program: "../jobs/graphile.mjs",
      needs: "POSTGRES_URL",
      ...ofNode,
    },
    {
      name: "pg-boss",
      program: "../jobs/pg_boss.mjs",
      needs: "POSTGRES_URL",
      ...ofNode,
    },
    { name: "Hangfire, in memory", ...told("memory") },
    { name: "Hangfire, SQLite", ...told("sqlite") },
    {
      name: "Hangfire, PostgreSQL",
      needs: "POSTGRES_URL",
      ...told("postgres"),
    },
  ];
}

/** Jobs that are stored, and jobs that are worked off. */
export const jobs: Scenario = {
  name: "jobs",
  title: "Jobs",
  about:
    `Jobs with a number as their input, 5 000 (500 in the quick form): stored by 16 callers at a time, each of
which waits until its job is stored; then worked off, 16 at a time, by a handler that does nothing. Every store but
_normal_ waits for the disk: Redis with \`appendfsync always\`, PostgreSQL as it comes. Redis and PostgreSQL are
servers on the same machine, and so take the other core. pg-boss takes 16 jobs at once. Hangfire looks for jobs each
50 ms, which is as often as it can; in a database it is given 200 jobs, as 5 000 would take minutes.`,
  unit: "thousand/s",
  variants: stores(),
  goals: [
    {
      text: "SQLite: at least 5 thousand jobs/s at 16",
      of: "runhost, SQLite",
      cases: ["work, 16 at a time"],
      atLeast: 5,
    },
    {
      text: "PostgreSQL: at least 0.8x graphile-worker",
      of: "runhost, PostgreSQL",
      against: ["graphile-worker"],
      cases: ["work, 16 at a time"],
      atLeast: 0.8,
    },
    {
      text: "PostgreSQL: at least 4x Hangfire",
      of: "runhost, PostgreSQL",
      against: ["Hangfire, PostgreSQL"],
      cases: ["work, 16 at a time"],
      atLeast: 4,
    },
    {
      text: "SQLite, normal: at least 10 thousand enqueues/s",
      of: "runhost, SQLite, normal",
      cases: ["enqueue, 16 at a time"],
      atLeast: 10,
    },
  ],
  rounds: 3,
};
