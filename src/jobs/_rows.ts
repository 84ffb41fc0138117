/** What the stores of one table design read from their tables. */
import type { HeldJob } from "./job_storage.ts";
import type {
  AttemptRecord,
  JobDetails,
  JobLogLine,
  JobRecord,
  JobState,
  KeyLifetime,
  MinuteRecord,
  ParentCondition,
  QueueRecord,
  RecurringRecord,
  ServerRecord,
} from "./job_record.ts";

/** A row, by the names of its columns; one that is `null` has nothing. */
export type Row = Readonly<Record<string, unknown>>;

/** The columns of a job that a record has, and those that are told apart by them. */
export const jobColumns =
  `seq, id, name, queue, priority, state, input, headers, created_at, due_at, started_at, ended_at, attempt,
  attempts, token, cancel_requested, key, key_until, parents, parents_on, recurring, server, progress, result, error`;

/** The columns that a search looks through. */
export const searchedColumns = ["id", "name", "key", "input", "error"] as const;

/** Whether one of them has a text, which is in lower case. */
export function contains(row: Row, wanted: string): boolean {
  return searchedColumns.some((column) =>
    (row[column] as string | null)?.toLowerCase().includes(wanted)
  );
}

/** Whether a database may look for a text: upper and lower case of ASCII are the same everywhere. */
export function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

/** A text as all engines keep it: without a NUL, where some of them end it, and without halves of pairs of surrogates. */
export function clean(text: string): string {
  return text.replaceAll(/\0|[\ud800-\udfff]/gu, "\ufffd");
}

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
export function stateOf(row: Row, now: number): JobState {
  const state = row["state"] as JobState;
  return state === "scheduled" && row["due_at"] as number <= now ? "enqueued" : state;
}

/** A job as the port has it. */
export function recordOf(row: Row, now: number): JobRecord {
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
    cancelRequested: Boolean(row["cancel_requested"]),
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
export function heldOf(row: Row, now: number): HeldJob {
  return { ...recordOf(row, now), token: row["token"] as number };
}

/** A job with its children and its log. */
export function detailsOf(
  row: Row,
  { children, log, now }: {
    readonly children: readonly string[];
    readonly log: readonly JobLogLine[];
    readonly now: number;
  },
): JobDetails {
  return { ...recordOf(row, now), children, log };
}

/** A queue; what is due is stored as `scheduled`, and counts as `enqueued`. */
export function queueOf(row: Row): QueueRecord {
  const { awaiting = 0, scheduled = 0, enqueued = 0, processing = 0, ...over } = parsed<
    Record<string, number>
  >(row["counts"] ?? "{}", {});
  const due = Number(row["due"]);
  const dues = [row["oldest"], due > 0 ? row["next"] : null].filter((it) => it !== null);
  return {
    queue: row["queue"] as string,
    paused: Boolean(row["paused"]),
    counts: {
      awaiting,
      scheduled: scheduled - due,
      enqueued: enqueued + due,
      processing,
      succeeded: over["succeeded"] ?? 0,
      failed: over["failed"] ?? 0,
      cancelled: over["cancelled"] ?? 0,
    },
    oldestDueAt: dues.length > 0 ? Math.min(...dues as number[]) : undefined,
  };
}

/** A recurring job, with the state of its last job. */
export function recurringOf(row: Row, now: number): RecurringRecord {
  return {
    id: row["id"] as string,
    job: row["job"] as string,
    queue: row["queue"] as string,
    priority: row["priority"] as number,
    input: row["input"] as string,
    key: given(row["key"]),
    keyUntil: row["key_until"] as KeyLifetime,
    overlap: Boolean(row["overlap"]),
    pattern: row["pattern"] as string,
    timeZone: given(row["time_zone"]),
    missed: row["missed"] as RecurringRecord["missed"],
    nextAt: given(row["next_at"]),
    lastAt: given(row["last_at"]),
    lastJob: given(row["last_job"]),
    lastState: row["state"] === null ? undefined : stateOf(row, now),
  };
}

/** A server. */
export function serverOf(row: Row): ServerRecord {
  return {
    id: row["id"] as string,
    name: row["name"] as string,
    location: row["location"] as string,
    startedAt: row["started_at"] as number,
    seenAt: row["seen_at"] as number,
    queues: JSON.parse(row["queues"] as string),
    active: row["active"] as number,
  };
}

/** The counts of a minute. */
export function minuteOf(row: Row): MinuteRecord {
  return {
    minute: row["minute"] as number,
    queue: row["queue"] as string,
    succeeded: row["succeeded"] as number,
    failed: row["failed"] as number,
    started: row["started"] as number,
    waited: row["waited"] as number,
    ran: row["ran"] as number,
  };
}
