/**
 * Draws a number from an injected `random`. One that throws, or gives no number from 0 to 1, leaves
 * nothing to chance: then it is 0.
 */
export function draw(random: () => number): number {
  try {
    const number: unknown = random();
    return typeof number === "number" && number >= 0 && number <= 1 ? number : 0;
  } catch {
    return 0;
  }
}
