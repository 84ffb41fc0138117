import { check, checkNames, checkWord, nothing, refuse } from "../_check.ts";
import { isSchema, type StandardSchema } from "../consumers/input.ts";
import { readRetry, type RetryOptions } from "../consumers/retry.ts";
import type { ServiceContext } from "../types.ts";
import { clean } from "./_rows.ts";
import type { KeyLifetime } from "./job_record.ts";

/**
 * A schema of any library that implements Standard Schema, with the type of what it accepts.
 *
 * @typeParam Input What it accepts.
 * @typeParam Value What it makes of that.
 */
export interface JobSchema<Input, Value> {
  /** The member under which the specification puts all of its own. */
  readonly "~standard": StandardSchema<Value>["~standard"] & {
    /** Never a value: the types of what goes in and comes out. */
    readonly types?: { readonly input: Input; readonly output: Value } | undefined;
  };
}

/** What a handler is told besides its input, and what it can say. */
export interface JobContext {
  /** The id of the job. */
  readonly id: string;
  /** The name of its definition. */
  readonly name: string;
  /** The queue it waited in. */
  readonly queue: string;
  /** Which attempt this is, 1 for the first. */
  readonly attempt: number;
  /** What travelled with the job. */
  readonly headers: Readonly<Record<string, string>>;
  /** The recurring job that made it, if one did. */
  readonly recurring: string | undefined;
  /**
   * What the attempt before this one said last by `progress`, so that a long job goes on from there; `undefined` in the
   * first one, after a `requeue` of a job that had ended, and if nothing was said. What a process said in the last
   * 250 ms before it died is not known.
   */
  readonly lastProgress: unknown;
  /**
   * Says how far the job is: anything that JSON can write, a number from 0 to 1 say. Stored in the background, the
   * newest alone, at most every 250 ms; above 4 KiB a note takes its place.
   */
  progress(value: unknown): void;
  /** Adds a line to the log of the job; the newest 1000 are kept, of 4 KiB at most. Stored in the background. */
  log(line: string): void;
  /** That of the server: logger, clock, lifetime, and `forced`. */
  readonly context: ServiceContext;
}

/**
 * Does the work of a job. What it returns is the result, if JSON can write it.
 *
 * @param input As its schema made it of what was enqueued.
 * @param signal Aborts at the job's `timeout`, when it is cancelled, when the server has lost its hold on it, and when the
 * grace of the server is over; not when the server is asked to stop: finish then. It is the attempt's own.
 */
export type JobHandler<Value, Output> = (
  input: Value,
  signal: AbortSignal,
  context: JobContext,
) => Output | PromiseLike<Output>;

/** How one job keeps others like it away. */
export interface Uniqueness<Input> {
  /** The key of an input; a text. Jobs of other definitions do not count. */
  readonly key: (input: Input) => string;
  /**
   * `started`: one job waits at most for each key, so that an enqueue while it runs makes the next one. `ended`: none is
   * made until it has ended.
   *
   * @default {"started"}
   */
  readonly until?: KeyLifetime | undefined;
}

/** Settings of a job that has no schema. */
export interface JobSettings<Input> {
  /**
   * Which queue it waits in: a name of 1 to 100 characters.
   *
   * @default {"default"}
   */
  readonly queue?: string | undefined;
  /**
   * When a job whose attempt failed is tried again, and how often. With `retryable` it can be asked of the error.
   *
   * @default {{ attempts: 10, delay: 10000, maxDelay: 3600000, jitter: 0.2 }}
   */
  readonly retry?: RetryOptions | undefined;
  /**
   * Milliseconds after which the signal of an attempt aborts.
   *
   * @default {Infinity}
   */
  readonly timeout?: number | undefined;
  /**
   * The higher, the sooner, within its queue; a whole number.
   *
   * @default {0}
   */
  readonly priority?: number | undefined;
  /** Keeps others like it away while it waits, or until it has ended. */
  readonly unique?: Uniqueness<Input> | undefined;
  /**
   * Whether an occurrence of a recurring job may be made while its last job has not ended. If not, the occurrence is
   * missed, and `missed` says what becomes of it.
   *
   * @default {false}
   */
  readonly overlap?: boolean | undefined;
}

/** What a job is: see {@linkcode defineJob}. */
export interface JobDefinition<Value, Output, Input = Value> extends JobSettings<Input> {
  /** Checks the input at the enqueue and before each attempt, which it makes the handler's input for. */
  readonly input?: JobSchema<Input, Value> | undefined;
  /** The work. It must bear to be done twice: that is what _at least once_ means. */
  readonly execute: JobHandler<Value, Output>;
}

/** When an attempt that failed is followed by another: `RetryOptions`, complete. */
export interface JobRetry {
  /** How often a job is tried in all. */
  readonly attempts: number;
  /** Milliseconds before the second attempt; twice as many before each further one. */
  readonly delay: number;
  /** The longest delay, in milliseconds. */
  readonly maxDelay: number;
  /** Which part of each delay is left to chance, from 0 to 1. */
  readonly jitter: number;
  /** Asked after each failed attempt but the last: `false` makes it the last. */
  readonly retryable: (error: unknown) => unknown;
}

/**
 * A job that can be enqueued and run; made by {@linkcode defineJob}.
 *
 * @typeParam Value What its handler is given.
 * @typeParam Output What its handler returns.
 * @typeParam Input What is enqueued.
 */
export interface Job<Value, Output, Input = Value> {
  /** The name under which it is stored: all processes know the job by it. */
  readonly name: string;
  /** The queue it waits in. */
  readonly queue: string;
  /** The higher, the sooner. */
  readonly priority: number;
  /** In milliseconds. */
  readonly timeout: number;
  /** Whether an occurrence may be made while the last job has not ended. */
  readonly overlap: boolean;
  /** When an attempt that failed is followed by another. */
  readonly retry: JobRetry;
  /** What checks the input. */
  readonly input: JobSchema<Input, Value> | undefined;
  /** What keeps others like it away. */
  readonly unique: Uniqueness<Input> | undefined;
  /** The work. */
  readonly execute: JobHandler<Value, Output>;
}

/** A job of any kind, in a list of several. */
// deno-lint-ignore no-explicit-any -- a handler takes one kind of input, a list has jobs of many
export type AnyJob = Job<any, any, any>;

const names: readonly (keyof JobDefinition<unknown, unknown>)[] = [
  "execute",
  "input",
  "overlap",
  "priority",
  "queue",
  "retry",
  "timeout",
  "unique",
];

/**
 * Defines a job: its name, what it takes, and what is done. Nothing runs by it: it is given to a `jobServer`, which
 * runs it, and to the `enqueue` of that or of a `jobClient`.
 *
 * @param name Under which it is stored, of 1 to 100 characters: do not change it while jobs of it wait.
 * @throws {TypeError} If something has the wrong type.
 * @throws {RangeError} If the name is empty or too long, or a number is out of range.
 *
 * @example A job with a typed input
 * ```ts
 * import { defineJob } from "@runhost/host/jobs";
 * import { equal } from "node:assert/strict";
 *
 * const resize = defineJob("resize", {
 *   queue: "images",
 *   timeout: 60_000,
 *   retry: { attempts: 3 },
 *   execute: async ({ path, width }: { path: string; width: number }, signal) => {
 *     signal.throwIfAborted();
 *     return `${path}@${width}`;
 *   },
 * });
 *
 * equal(resize.queue, "images");
 * equal(resize.retry.attempts, 3);
 * ```
 *
 * @typeParam Value What its handler is given.
 * @typeParam Output What its handler returns.
 * @typeParam Input What is enqueued.
 */
export function defineJob<Value, Output, Input>(
  name: string,
  definition: JobDefinition<Value, Output, Input> & { readonly input: JobSchema<Input, Value> },
): Job<Value, Output, Input>;
/** The same for a job without a schema. */
export function defineJob<Input, Output>(
  name: string,
  definition: JobDefinition<Input, Output> & { readonly input?: undefined },
): Job<Input, Output>;
export function defineJob<Value, Output, Input>(
  name: string,
  definition: JobDefinition<Value, Output, Input>,
): Job<Value, Output, Input> {
  checkName("the name of a job", name);
  const label = `job "${name}"`;
  check(label, definition, {});
  checkNames(label, definition, names);
  const { queue = "default", timeout = Infinity, priority = 0, overlap = false } = definition;
  const { input, unique, execute } = definition;
  check(`${label}.execute`, execute, nothing);
  if (input !== undefined && !isSchema(input)) refuse(`${label}.input`, "a Standard Schema", input);
  checkName(`${label}.queue`, queue);
  check(`${label}.timeout`, timeout, 0);
  checkPriority(`${label}.priority`, priority);
  check(`${label}.overlap`, overlap, false);
  if (unique !== undefined) {
    check(`${label}.unique`, unique, {});
    check(`${label}.unique.key`, unique.key, nothing);
    checkWord(`${label}.unique.until`, unique.until ?? "started", ["started", "ended"]);
  }
  const retry = readJobRetry(definition.retry, `${label}.retry`);
  return {
    name,
    queue,
    priority,
    timeout,
    overlap,
    retry,
    input,
    unique,
    execute: execute.bind(definition),
  };
}

/** Checks a name of a job, a queue or a recurring job, or the id of a job. */
export function checkName(label: string, name: unknown): void {
  check(label, name, "");
  const { length } = name as string;
  if (length < 1 || length > 100) {
    throw new RangeError(`Cannot use ${label}: expected 1 to 100 characters, got ${length}`);
  }
  if (clean(name as string) === name) return;
  const shown = JSON.stringify(name);
  throw new RangeError(
    `Cannot use ${label}: ${shown} has a NUL or half a pair of surrogates, which no storage keeps`,
  );
}

/** Checks a priority, which may be below 0. */
export function checkPriority(label: string, priority: unknown): void {
  if (typeof priority !== "number") refuse(label, "number", priority);
  if (Number.isInteger(priority) && Math.abs(priority) < 2 ** 31) return;
  throw new RangeError(`Cannot use ${label}: ${priority} is no whole number of 32 bits`);
}

/** The retry of a job: a limit that nobody has set gives way to one that somebody has. */
function readJobRetry(options: RetryOptions = {}, label: string): JobRetry {
  check(label, options, {});
  const { attempts = 10, jitter = 0.2, delay, maxDelay } = options;
  const usual = { delay: 10_000, maxDelay: 3_600_000 };
  return readRetry({
    ...options,
    attempts,
    jitter,
    delay: delay ?? (maxDelay! < usual.delay ? maxDelay : usual.delay),
    maxDelay: maxDelay ?? (delay! > usual.maxDelay ? delay : usual.maxDelay),
  }, label);
}
