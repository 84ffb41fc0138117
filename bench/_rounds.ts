/** Runs the variants of a scenario: first to compare what they do, then to time them in turn. */
import { deepEqual } from "node:assert/strict";
import process from "node:process";
import { ask, type Job } from "./_commands.ts";
import type { RuntimeName, Scenario } from "./_scenario.ts";

/** What one variant gave, round by round, for each of its cases. */
export interface Row {
  readonly runtime: RuntimeName | "dotnet";
  readonly variant: string;
  readonly cases: ReadonlyMap<string, readonly number[]>;
}

/** All that a scenario consists of here, baseline first. */
export function jobsOf(
  scenario: Scenario,
  options: { readonly dotnet: boolean },
): Job[] {
  const runtimes = scenario.runtimes ?? ["node", "deno", "bun"] as const;
  const variants = scenario.variants.filter(({ needs }) => !needs || process.env[needs]);
  const programs = variants.filter((variant) => variant.program !== undefined);
  const jobs: Job[] = runtimes.flatMap((runtime) =>
    programs.filter((variant) => variant.runtimes?.includes(runtime) ?? true)
      .map((variant) => ({ scenario, variant, runtime }))
  );
  if (!options.dotnet) return jobs;
  const ofDotnet = variants.filter((variant) => variant.program === undefined);
  return [
    ...jobs,
    ...ofDotnet.map((variant) => ({ scenario, variant, runtime: "dotnet" }) as const),
  ];
}

/** What a set of jobs came to: who did not do what the first one does. */
export interface Comparison {
  readonly passed: number;
  readonly failures: readonly Error[];
}

/** Has every job do its work once, some at a time, and compares the results with the first one's. */
export async function compare(
  jobs: readonly Job[],
  atOnce: number,
): Promise<Comparison> {
  const waiting = [...jobs.entries()];
  const results: unknown[] = [];
  const failures: Error[] = [];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, job] = next;
      try {
        results[index] = await ask(job, "check");
      } catch (error) {
        failures.push(error as Error);
      }
    }
  }));
  for (const [index, { scenario, variant, runtime }] of jobs.entries()) {
    if (results[index] === undefined) continue;
    try {
      deepEqual(results[index], results[0]);
    } catch (cause) {
      const what = `${scenario.name}, ${variant.name} on ${runtime}`;
      failures.push(
        new Error(`${what} does not do what the others do`, { cause }),
      );
    }
  }
  return { passed: jobs.length - failures.length, failures };
}

/** Times every job once a round, each in a process of its own; every other round runs backwards. */
export async function time(
  jobs: readonly Job[],
  options: { readonly full: boolean; readonly rounds: number },
): Promise<Row[]> {
  const rows = jobs.map(({ runtime, variant }) => ({
    runtime,
    variant: variant.name,
    cases: new Map<string, number[]>(),
  }));
  for (let round = 0; round < options.rounds; round++) {
    const order = round % 2 === 0 ? [...jobs.keys()] : [...jobs.keys()].reverse();
    for (const index of order) {
      const found = await ask(
        jobs[index]!,
        options.full ? "measure full" : "measure quick",
      );
      for (
        const [name, value] of Object.entries(found as Record<string, number>)
      ) {
        const { cases } = rows[index]!;
        cases.set(name, [...(cases.get(name) ?? []), value]);
      }
    }
  }
  return rows;
}

/** The median of the values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of the ratios of two series, round by round: what slows a round slows both. */
export function ratio(
  values: readonly number[],
  others: readonly number[],
): number {
  return median(values.map((value, round) => value / others[round]!));
}
