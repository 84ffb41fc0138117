/** One error as it is; several as one flat aggregate, each once. */
export function combine(message: string, errors: readonly unknown[]): unknown {
  const unique = [...new Set(errors)];
  if (unique.length < 2) return unique[0];
  const texts = unique.map((error) => error instanceof Error ? error.message : String(error));
  return new AggregateError(unique, `${message}: ${texts.length} errors: ${texts.join("; ")}`);
}

/** Throws what {@linkcode combine} makes of the errors, if there are any. */
export function raise(message: string, errors: readonly unknown[]): void {
  if (errors.length) throw combine(message, errors);
}
