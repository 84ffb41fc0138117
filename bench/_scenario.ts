/** What a scenario is: variants that do the same, and what is asked of ours. */

/** What runs a program. */
export type RuntimeName = "node" | "deno" | "bun";

/** How the numbers of a scenario are printed. */
export type Unit = "ms" | "µs" | "bytes" | "kB" | "million/s" | "thousand/s";

/** One way to do it: a program of the scenario's folder, or the .NET side of the scenario. */
export interface Variant {
  /** As the table calls it. */
  readonly name: string;
  /** The program, in the scenario's folder; none for `.NET`. */
  readonly program?: string;
  /** What the program is told last, where one program serves several variants. */
  readonly argument?: string;
  /** Where it can be run; everywhere if it is not said. */
  readonly runtimes?: readonly RuntimeName[];
  /** The variable of the environment with the server that it needs; left out where there is none. */
  readonly needs?: "REDIS_URL" | "POSTGRES_URL";
}

/** What ours has to reach in each case, against each of the others. */
export interface Goal {
  /** One line, as the table of goals has it. */
  readonly text: string;
  /** The variant that has to reach it. */
  readonly of: string;
  /** The variants it is measured against; without them the limits are values, not ratios. */
  readonly against?: readonly string[];
  /** The cases it is about; all if it is not said. */
  readonly cases?: readonly string[];
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Variants that are run in turn, compared and timed; one folder each. */
export interface Scenario {
  /** The folder. */
  readonly name: string;
  readonly title: string;
  /** What is measured and how, for the results page. */
  readonly about: string;
  readonly unit: Unit;
  /** Whether ratios to the first variant mean something; `true` if it is not said. */
  readonly ratios?: boolean;
  /** The first one is what the ratios in the table refer to. */
  readonly variants: readonly Variant[];
  /** Where it can be run; everywhere if it is not said. */
  readonly runtimes?: readonly RuntimeName[];
  readonly goals: readonly Goal[];
  /** How often each variant is run in the full form; the quick form has one round. */
  readonly rounds: number;
  /** Why a goal is missed and where the limit is, for the results page. */
  readonly notes?: string;
}

/** The variant that `dotnet` runs. */
export const dotnet: Variant = { name: ".NET" };
