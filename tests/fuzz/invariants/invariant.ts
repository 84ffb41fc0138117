import type { HookRun, Model } from "../model.ts";

/** One thing that must hold whatever happens. */
export interface Invariant {
  /** What it says, close to the words of docs/design.md. */
  readonly name: string;
  /** Yields a sentence for each breach of it. */
  readonly check: (model: Model) => Iterable<string>;
}

/** Gives a check its name. */
export function invariant(name: string, check: Invariant["check"]): Invariant {
  return { name, check };
}

/** A hook, for a sentence. */
export function nameOf({ owner, phase }: Pick<HookRun, "owner" | "phase">): string {
  return `${owner}.${phase}`;
}
