/** What a logger has; the levels of a host's `Logger`. */
type Level = "debug" | "info" | "warn" | "error";

/** What something failed with: an object, because anything may be thrown, `undefined` too. */
export interface Failure {
  readonly error: unknown;
}

/** Writes a line, with what failed if anything did. A logger that fails itself changes nothing. */
export function log(
  logger: { readonly [level in Level]: (line: string) => void },
  level: Level,
  line: string,
  failure?: Failure,
): void {
  try {
    logger[level](failure ? `${line}: ${renderError(failure.error)}` : line);
  } catch {
    // Where would one log it?
  }
}

/**
 * Renders an error as one string: its stack, those of the errors it holds, and its causes.
 * Loggers get nothing but this string, so what is not in here is lost to them.
 */
export function renderError(error: unknown, depth = 0): string {
  try {
    if (!(error instanceof Error) || depth > 4) return String(error);
    const { stack, cause, errors } = error as Partial<AggregateError> & Error;
    const inner = Array.isArray(errors) ? [...errors] : []; // validators have other `errors`
    if (cause !== undefined) inner.push(cause);
    return [stack, ...inner.map((it) => `  by ${renderError(it, depth + 1)}`)].join("\n");
  } catch {
    return "an error without text"; // not everything that is thrown bears to be looked at
  }
}

/** Any error in one line. */
export function textOf(error: unknown): string {
  return renderError(error, 5);
}

/** Cuts a text that only a person reads. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}... (${text.length} characters)`;
}
