/**
 * Runs random plans and checks every invariant on what happened.
 *
 * @module
 */

import { quiet } from "../../src/testing/mod.ts";
import { watchUnhandled } from "../_unhandled.ts";
import type { Entry, History } from "./history.ts";
import { breaches } from "./invariants/mod.ts";
import { makePlan, type Plan } from "./plan.ts";
import { Random } from "./random.ts";
import { carryOut } from "./run.ts";
import { twinsOf } from "./twin.ts";

/** One run that went wrong. */
export interface Failure {
  readonly seed: number;
  /** The invariants it broke, and how. */
  readonly breaches: readonly { readonly name: string; readonly what: string }[];
  readonly history: History;
}

/** How much to run. */
export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
  /** Stop after so many failures. */
  readonly failures?: number;
}

/** Carries out one plan after the other; returns those that broke something. */
export async function fuzz({ runs, seed, failures = 1 }: FuzzOptions): Promise<readonly Failure[]> {
  const random = new Random(seed);
  const failed: Failure[] = [];
  for (let run = 0; run < runs && failed.length < failures; run++) {
    const failure = await runSeed(random.seed());
    if (failure) failed.push(failure);
  }
  return failed;
}

/** Carries out the plan of one seed, alone: how a failure is repeated. */
export function runSeed(seed: number): Promise<Failure | undefined> {
  return runPlan(makePlan(seed));
}

/** Carries out one plan, and then its twins. */
export async function runPlan(plan: Plan): Promise<Failure | undefined> {
  const history = await watched(plan);
  const broken = [...breaches(history)];
  for (const { name, plan: twin, account } of twinsOf(plan)) {
    const [here, there] = [account(history), account(await watched(twin))];
    if (here !== there) broken.push({ name, what: firstDifference(here, there) });
  }
  return broken.length > 0 ? { seed: plan.seed, breaches: broken, history } : undefined;
}

async function watched(plan: Plan): Promise<History> {
  const unhandled: unknown[] = [];
  const stopWatching = watchUnhandled((error) => unhandled.push(error));
  try {
    return await carryOut(plan, unhandled);
  } finally {
    await quiet();
    stopWatching();
  }
}

function firstDifference(here: string, there: string): string {
  const [lines, others] = [here.split("\n"), there.split("\n")];
  const index = lines.findIndex((line, index) => line !== others[index]);
  return `"${lines[index]}" became "${others[index]}"`;
}

/** A failure in full: what was broken, the plan, and everything that happened. */
export function describe({ seed, breaches, history }: Failure): string {
  const { options, services, lifetime, commands, hostileObservers, rescue } = history.plan;
  return [
    `seed ${seed}: npx tsx tests/fuzz/main.ts --only ${seed}`,
    ...breaches.map(({ name, what }) => `  broken: ${name}: ${what}`),
    "plan",
    `  options ${render(options)}${hostileObservers ? ", hostile observers" : ""}`,
    ...(lifetime ? [`  host lifetime ${render(lifetime)}`] : []),
    ...services.map((service) => `  ${render(service)}`),
    ...commands.map((command) => `  ${render(command)}`),
    `  rescue at ${rescue}`,
    "history",
    ...history.entries.map(line),
    `  left: ${render({ ...history.left, timersOnceStopped: history.timersOnceStopped })}`,
    ...history.unhandled.map((error) => `  unhandled: ${render(error)}`),
  ].join("\n");
}

function line(entry: Entry): string {
  const { index, at, state, type, ...rest } = entry;
  const what = Object.values(rest).map(render).join(" ");
  return `  ${String(index).padStart(3)} ${String(at).padStart(6)} ms ${
    state.padEnd(8)
  } ${type} ${what}`;
}

function render(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, replacer) ?? "-";
}

function replacer(_key: string, value: unknown): unknown {
  if (value === Infinity) return "Infinity";
  return value instanceof Error ? `${value.name}: ${value.message}` : value;
}
