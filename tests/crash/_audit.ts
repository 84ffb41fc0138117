import type { JobCounts, JobRecord } from "../../src/jobs/mod.ts";

/** What is known at the end of a crash run. */
export interface Evidence {
  /** The ids that clients were given. */
  readonly acknowledged: readonly string[];
  /** What the handlers wrote, as `server.ts` says, in the order of the writing. */
  readonly log: readonly string[];
  /** All jobs of the store. */
  readonly jobs: readonly JobRecord[];
  readonly counts: JobCounts;
  /** The names of the servers that were killed. */
  readonly killed: ReadonlySet<string>;
}

/** What an audit has found. */
export interface Findings {
  /** What must not be; empty if all is well. */
  readonly faults: readonly string[];
  /** Jobs of which a killed server had more than begun: their work was done, and was done again. */
  readonly doneAgain: number;
  /** Attempts that ended with their server. */
  readonly inKilledHands: number;
  /** Attempts of living servers that lost their hold, and said so. */
  readonly lost: number;
  /** Jobs that were stored, though the client died or was refused before it heard of it. */
  readonly unheard: number;
}

interface Line {
  readonly what: string;
  readonly attempt: number;
  readonly server: string;
}

/** Compares what was promised with what the store says and what the handlers wrote. */
export function audit({ acknowledged, log, jobs, counts, killed }: Evidence): Findings {
  const faults: string[] = [];
  const linesOf = new Map<string, Line[]>();
  for (const text of log) {
    const [what = "", id = "", attempt, server = ""] = text.split(" ");
    const lines = linesOf.get(id) ?? [];
    lines.push({ what, attempt: Number(attempt), server });
    linesOf.set(id, lines);
  }
  const stored = new Map(jobs.map((it) => [it.id, it]));
  const promised = new Set(acknowledged);
  let doneAgain = 0;
  let inKilledHands = 0;
  let lost = 0;

  if (promised.size !== acknowledged.length) faults.push("an id was acknowledged twice");
  if (stored.size !== jobs.length) faults.push("the store lists a job twice");
  for (const id of promised) {
    if (!stored.has(id)) faults.push(`${id} was acknowledged, and is not stored`);
  }
  for (const id of linesOf.keys()) {
    if (!stored.has(id)) faults.push(`${id} ran, and is not stored`);
  }
  for (const { id, state, attempt: last, attempts } of jobs) {
    const lines = linesOf.get(id) ?? [];
    if (state !== "succeeded") faults.push(`${id} is ${state}`);
    const final = attempts.at(-1);
    if (final?.attempt !== last || final.state !== state) {
      faults.push(`${id} is ${state} after ${last} attempts, its record ends with ${final?.state}`);
    }
    const end = lines.findIndex((it) => it.what === "end" && it.attempt === last);
    if (end < 0) faults.push(`${id} has not run to its end in its last attempt`);
    const begun = new Map<number, number>();
    let again = false;
    for (const [index, { what, attempt, server }] of lines.entries()) {
      if (what !== "begin") continue;
      const times = (begun.get(attempt) ?? 0) + 1;
      begun.set(attempt, times);
      // One that was interrupted, and given back by its server, does not count.
      const interrupted = attempts.filter((it) =>
        it.attempt === attempt && it.state === "enqueued"
      );
      if (times > 1 + interrupted.length) {
        faults.push(`${id} has begun attempt ${attempt} ${times} times`);
      }
      if (attempt > last) faults.push(`${id} has begun attempt ${attempt} of ${last}`);
      if (end >= 0 && index > end) faults.push(`${id} has begun again after its end`);
      if (attempt >= last) continue;
      const its = lines.filter((it) => it.attempt === attempt && it.server === server);
      const done = its.some((it) => it.what === "end");
      if (done) again = true;
      if (killed.has(server)) inKilledHands++;
      else if (its.some((it) => it.what === "lost")) lost++;
      else {
        const how = done ? "was done" : "was interrupted";
        faults.push(
          `${id}: attempt ${attempt} ${how} by ${server}, which lived, and another followed`,
        );
      }
    }
    if (again) doneAgain++;
  }
  for (const [state, count] of Object.entries(counts)) {
    const listed = jobs.filter((it) => it.state === state).length;
    if (count !== listed) faults.push(`the store counts ${count} ${state}, and lists ${listed}`);
  }
  const unheard = jobs.filter(({ id }) => !promised.has(id)).length;
  return { faults, doneAgain, inKilledHands, lost, unheard };
}
