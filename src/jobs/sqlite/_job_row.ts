import type { HeldJob } from "../job_storage.ts";
import type {
  AttemptRecord,
  JobRecord,
  JobState,
  KeyLifetime,
  ParentCondition,
} from "../job_record.ts";
import type { SqliteRow } from "./_database.ts";

/** The columns of a job that a record has, and those that are told apart by them. */
export const jobColumns =
  `seq, id, name, queue, priority, state, input, headers, created_at, due_at, started_at, ended_at, attempt,
  attempts, token, cancel_requested, key, key_until, parents, parents_on, recurring, server, progress, result, error`;

/** What a column has, if it has anything. */
export function given<T>(value: unknown): T | undefined {
  return (value ?? undefined) as T | undefined;
}

/** The list or object of a column: most of them are empty. */
export function parsed<T>(text: unknown, empty: T): T {
  const json = text as string;
  return json.length === 2 ? empty : JSON.parse(json);
}

/** Where a job is in its life now: `take` lets those go on that are due, but they are `enqueued` before that. */
export function stateOf(row: SqliteRow, now: number): JobState {
  const state = row["state"] as JobState;
  return state === "scheduled" && row["due_at"] as number <= now ? "enqueued" : state;
}

/** A job as the port has it. */
export function recordOf(row: SqliteRow, now: number): JobRecord {
  return {
    id: row["id"] as string,
    name: row["name"] as string,
    queue: row["queue"] as string,
    priority: row["priority"] as number,
    state: stateOf(row, now),
    input: row["input"] as string,
    headers: parsed<Record<string, string>>(row["headers"], {}),
    createdAt: row["created_at"] as number,
    dueAt: row["due_at"] as number,
    startedAt: given(row["started_at"]),
    endedAt: given(row["ended_at"]),
    attempt: row["attempt"] as number,
    cancelRequested: row["cancel_requested"] === 1,
    key: given(row["key"]),
    keyUntil: row["key_until"] as KeyLifetime,
    parents: parsed<string[]>(row["parents"], []),
    parentsOn: row["parents_on"] as ParentCondition,
    recurring: given(row["recurring"]),
    server: given(row["server"]),
    progress: given(row["progress"]),
    result: given(row["result"]),
    error: given(row["error"]),
    attempts: parsed<AttemptRecord[]>(row["attempts"], []),
  };
}

/** A job in the hands of a server. */
export function heldOf(row: SqliteRow, now: number): HeldJob {
  return { ...recordOf(row, now), token: row["token"] as number };
}
