/**
 * What the real .NET host, its timers and its channels did, and when Cronos runs a pattern, as
 * recorded: the shape of the JSON files.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import type { ChannelFullMode } from "../../src/channels/mod.ts";
import type { Script, ScriptedService } from "../_scripted_service.ts";

/** A file of recordings, told apart by what is in it. */
export type Fixture =
  | { readonly kind: "lifecycle"; readonly golden: readonly LifecycleGolden[] }
  | { readonly kind: "timers"; readonly golden: readonly TimerGolden[] }
  | { readonly kind: "channels"; readonly golden: readonly ChannelGolden[] }
  | { readonly kind: "cron"; readonly golden: readonly CronGolden[] };

/** One scenario, what .NET did, and where we differ. */
export interface LifecycleGolden {
  readonly scenario: Scenario;
  readonly moments: readonly Moment[];
  /** From this moment on the rule holds instead; `null` when every moment must agree. */
  readonly differs: { readonly rule: string; readonly moment: number } | null;
}

/** What a host is made of, and what is done to it. */
export interface Scenario {
  readonly id: string;
  readonly options?: ScenarioOptions | null;
  readonly services: readonly ScriptedService[];
  readonly lifetime?: { readonly waitForStart?: Script; readonly stop?: Script } | null;
  readonly script: readonly Command[];
  /** When the recording ends (with 250 ms more) if a call never settles. */
  readonly until: number;
}

/** .NET's options, its names in short. */
export interface ScenarioOptions {
  readonly startConcurrently?: boolean;
  readonly stopConcurrently?: boolean;
  readonly startupTimeout?: number;
  readonly shutdownTimeout?: number;
  readonly backgroundExceptions?: "stop-host" | "ignore";
}

/** One call, made at a time whatever has become of the calls before. */
export interface Command {
  readonly at: number;
  readonly do: "start" | "stop" | "run" | "waitForShutdown" | "requestStop" | "dispose";
  /** Aborts the call's signal this many ms later; 0: it is aborted when the call is made. */
  readonly cancelAfter?: number;
}

/** What happened together. */
export interface Moment {
  readonly at: number;
  readonly events: readonly string[];
}

/** A sequence of operations on one timer. */
export interface TimerGolden {
  readonly id: string;
  readonly period: number;
  readonly steps: readonly TimerStep[];
}

/** One operation, its result, and the numbered waits that had settled when all was quiet again. */
export interface TimerStep {
  readonly op: "wait" | "waitCancelled" | "advance" | "cancel" | "period" | "dispose";
  readonly arg?: number;
  readonly result?: string;
  readonly settled?: Readonly<Record<string, string>>;
}

/** A sequence of operations on one channel. */
export interface ChannelGolden {
  readonly id: string;
  readonly mode: ChannelFullMode | "unbounded";
  readonly capacity?: number;
  readonly steps: readonly ChannelStep[];
}

/** One operation, its result, and what had come of it when all was quiet again. */
export interface ChannelStep {
  readonly op:
    | "tryWrite"
    | "write"
    | "waitToWrite"
    | "tryRead"
    | "tryPeek"
    | "read"
    | "waitToRead"
    | "complete"
    | "completeWithError"
    | "cancel";
  readonly arg?: number;
  readonly result?: string | undefined;
  /** The numbered operations that had settled, and with what. */
  readonly settled?: Readonly<Record<string, string>>;
  readonly dropped?: readonly number[];
  /** How many items the channel held. */
  readonly count: number;
  /** How the channel's completion had settled, if it had. */
  readonly completion?: string | undefined;
}

/** The moments of a cron pattern near a change of the clock, as Cronos gives them. */
export interface CronGolden {
  readonly pattern: string;
  readonly timeZone: string;
  /** Milliseconds since 1970; the moments are later. */
  readonly from: number;
  readonly next: readonly number[];
}

/** Reads a file of recordings. */
export function readFixture(path: string | URL): Fixture {
  const file = JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, unknown>>;
  const golden = file["golden"] ?? file["cases"];
  if (!Array.isArray(golden) || golden.length === 0) {
    throw new TypeError(`Cannot read ${path}: no recordings in "golden" or "cases"`);
  }
  const first: object = golden[0];
  const kind = "scenario" in first
    ? "lifecycle"
    : "period" in first
    ? "timers"
    : "mode" in first
    ? "channels"
    : "pattern" in first
    ? "cron"
    : undefined;
  if (!kind) {
    throw new TypeError(`Cannot read ${path}: neither lifecycle, timers, channels nor cron`);
  }
  return { kind, golden } as Fixture;
}
