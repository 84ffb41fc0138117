/** Every fault that the tests have to see. */
import { channels } from "./channels.ts";
import { core } from "./core.ts";
import type { Mutant } from "./mutant.ts";

export const mutants: readonly Mutant[] = [...core, ...channels];
