/**
 * Renders an error as one string: its stack, those of the errors it holds, and its causes.
 * Loggers get nothing but this string, so what is not in here is lost to them.
 */
export function renderError(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const title = `${error.name}: ${error.message}`;
  const stack = error.stack ?? title;
  // JavaScriptCore's stacks begin with the first frame.
  let text = stack.includes(error.message) ? stack : `${title}\n${stack}`;
  if (depth < 4) {
    for (const inner of (error as { errors?: unknown[] }).errors ?? []) {
      text += `\n  [error] ${renderError(inner, depth + 1)}`;
    }
    if (error.cause !== undefined) text += `\n  [cause] ${renderError(error.cause, depth + 1)}`;
  }
  return text;
}
