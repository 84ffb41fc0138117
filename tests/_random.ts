/** Makes `Math.random` give one value, for as long as `body` takes. */
export async function withRandom(value: number, body: () => Promise<void>): Promise<void> {
  const { random } = Math;
  Math.random = () => value;
  try {
    await body();
  } finally {
    Math.random = random;
  }
}
