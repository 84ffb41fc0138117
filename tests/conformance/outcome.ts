/**
 * How a call ended, in the words of the recordings.
 *
 * @module
 */

import { ScriptedError } from "../_scripted_service.ts";

/** The errors a call rejected with, in order, each as a label; none if it fulfilled. */
export type Outcome = readonly string[];

/** The phases of a start: a hook of these that never settles is a start that never ends. */
const startPhases: readonly unknown[] = ["waitForStart", "starting", "start", "started"];

/** Takes apart what a call rejected with. */
export function outcomeOf(error: unknown): Outcome {
  return error instanceof AggregateError ? error.errors.flatMap(outcomeOf) : [label(error)];
}

/**
 * An outcome as the recordings write it: `ok`, `error EA`, `error aggregate[EA,EB]`. There, order is
 * free inside an aggregate, and repeated cancellations count once.
 */
export function renderOutcome(outcome: Outcome): string {
  const labels = distinct(outcome);
  if (labels.length === 0) return "ok";
  return `error ${labels.length === 1 ? labels[0] : `aggregate[${[...labels].sort().join(",")}]`}`;
}

/** Reads what {@linkcode renderOutcome} writes. */
export function parseOutcome(text: string): Outcome {
  if (text === "ok") return [];
  const label = text.replace(/^error /, "");
  const aggregate = /^aggregate\[(.*)\]$/.exec(label)?.[1];
  return aggregate === undefined ? [label] : aggregate.split(",");
}

/** Without repeated cancellations. */
export function distinct(outcome: Outcome): Outcome {
  return outcome.filter((label, index) => label !== "canceled" || outcome.indexOf(label) === index);
}

function label(error: unknown): string {
  if (error instanceof ScriptedError) return error.name;
  if (!(error instanceof Error)) return `something thrown: ${String(error)}`;
  if (error.name === "AbortError") return "canceled";
  const { code, service, phase } = error as Error & Readonly<Record<string, unknown>>;
  if (code === "ERR_HOST_STATE") return "refused";
  if (code !== "ERR_SERVICE_TIMEOUT") return `${error.name}: ${error.message}`;
  // .NET's start knows no limit but a cancelled token: its startup timeout *is* a cancellation. Ours
  // names who was late, with an error of its own. Of a stop there is no such thing in .NET.
  return startPhases.includes(phase) ? "canceled" : `timeout ${service}.${phase}`;
}
