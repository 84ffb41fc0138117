import { check, checkFinite, checkWhole, nothing } from "../_check.ts";
import type { ConsumerOptions } from "./types.ts";
import { type Backoff, type BackoffOptions, readBackoff } from "../_time/backoff.ts";
import { readRetry, type Retry } from "./retry.ts";
import type { Source } from "./source.ts";

/**
 * The longest delay before a source that fails is asked again: short, as it may be back at any
 * moment. The delays of `retry` are for bad items.
 */
const longestOutageDelay = 4_000;

/** {@linkcode ConsumerOptions} and what a source says of itself: checked and complete. */
export interface Settings<T> {
  readonly concurrency: number;
  readonly retry: Retry;
  readonly receiveRetry: Backoff;
  readonly timeout: number;
  readonly pollInterval: number;
  readonly onDeadLetter: NonNullable<ConsumerOptions<T>["onDeadLetter"]>;
  readonly random: () => number;
}

/**
 * Checks a source.
 *
 * @param label What messages call its consumer: `service "mails"`.
 */
export function checkSource(source: Source<unknown>, label: string): void {
  check(`${label}.source`, source, { receive: nothing });
  for (const member of ["start", "stopping", "stop", "health"] as const) {
    check(`${label}.source.${member}`, source[member] ?? nothing, nothing);
  }
}

/**
 * Checks the options of a consumer, and fills in what is not set. What the consumer says comes first;
 * what its source says has to be right all the same.
 *
 * @param label What messages call the consumer: `service "mails"`.
 */
export function readSettings<T>(
  options: ConsumerOptions<T>,
  label: string,
  source: Pick<Source<T>, "pollInterval" | "receiveRetry"> = {},
): Settings<T> {
  const { concurrency = 1, timeout = Infinity } = options;
  const { onDeadLetter = nothing, random = Math.random } = options;
  const named = (option: string): string => `${label}.${option}`;
  checkWhole(named("concurrency"), concurrency, 1);
  check(named("timeout"), timeout, 0);
  check(named("onDeadLetter"), onDeadLetter, nothing);
  check(named("random"), random, nothing);
  const { pollInterval = source.pollInterval ?? 1_000, receiveRetry } = options;
  checkFinite(named("source.pollInterval"), source.pollInterval ?? 0);
  checkFinite(named("pollInterval"), pollInterval);
  const read = (delays: BackoffOptions, option: string): Backoff =>
    readBackoff(delays, named(option), longestOutageDelay);
  const ofSource = read(source.receiveRetry ?? {}, "source.receiveRetry");
  return {
    concurrency,
    retry: readRetry(options.retry, named("retry")),
    receiveRetry: receiveRetry === undefined ? ofSource : read(receiveRetry, "receiveRetry"),
    timeout,
    pollInterval,
    onDeadLetter: onDeadLetter.bind(options),
    random,
  };
}
