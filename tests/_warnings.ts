/** Everything that `console.warn` is told while `body` runs. */
export async function warnings(body: () => unknown): Promise<readonly unknown[]> {
  const { warn } = console;
  const lines: unknown[] = [];
  console.warn = (line: unknown) => void lines.push(line);
  try {
    await body();
  } finally {
    console.warn = warn;
  }
  return lines;
}
