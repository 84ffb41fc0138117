/**
 * Plays a recorded scenario on our host, through its public API and under a fake clock.
 *
 * @module
 */

import { createHost, type Host, type HostLifetime, type HostOptions } from "../../mod.ts";
import { FakeClock } from "../../src/testing/mod.ts";
import { playRecorded, scriptedService, type Stage } from "../_scripted_service.ts";
import type { Command, Scenario } from "./fixture.ts";
import { type Outcome, outcomeOf, renderOutcome } from "./outcome.ts";
import type { CallRecord, Cause, Entry, Recording } from "./recording.ts";

/** .NET records this much longer than the last call, or than `until` if some call never settles. */
const AFTERMATH = 250;

/** Enough for every limit of ours, however a scenario is made: how far a replay may go at most. */
const EVENTUALLY = 600_000;

/** Until when to play: as long as .NET was recorded, or until every call of ours has settled. */
export type Ending = "as recorded" | "settled";

/** Plays a scenario and returns what happened. */
export async function replay(scenario: Scenario, ending: Ending): Promise<Recording> {
  check(scenario);
  const player = new Player(scenario);
  await player.play(ending);
  return player;
}

class Player implements Recording {
  readonly scenario: Scenario;
  readonly entries: Entry[] = [];
  readonly causes: Cause[] = [];
  readonly calls: CallRecord[] = [];
  readonly #clock = new FakeClock();
  readonly #host: Host;
  #unsettled: number;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.#unsettled = scenario.script.length;
    const stage: Stage = {
      clock: this.#clock,
      record: (event) => this.#record(event),
      requestStop: () => this.#requestStop(),
    };
    const services = scenario.services.map((script) => scriptedService(script, stage));
    this.#host = createHost(services, hostOptions(scenario, stage));
    for (const name of ["started", "stopping", "stopped"] as const) {
      const onAbort = (): void => this.#record(`lifetime ${name}`);
      this.#host.lifetime[name].addEventListener("abort", onAbort);
    }
    scenario.script.forEach((command, number) => {
      this.#clock.setTimeout(() => this.#do(command, number), command.at);
    });
  }

  async play(ending: Ending): Promise<void> {
    const clock = this.#clock;
    const until = this.scenario.until + (ending === "settled" ? EVENTUALLY : AFTERMATH);
    await clock.advance(0);
    while (this.#unsettled > 0 && clock.next !== undefined && clock.next <= until) {
      await clock.advanceTo(clock.next);
    }
    const rest = this.#unsettled > 0 ? until : Math.min(clock.now() + AFTERMATH, until);
    await clock.advanceTo(Math.max(rest, clock.now()));
  }

  #record(event: string): void {
    this.entries.push({ at: this.#clock.now(), event });
  }

  #cause(kind: Cause["kind"]): void {
    this.causes.push({ at: this.#clock.now(), index: this.entries.length, kind });
  }

  #requestStop(): void {
    this.#cause("stop request");
    this.#host.lifetime.stopApplication();
  }

  async #do(command: Command, number: number): Promise<void> {
    const name = `${command.do}#${number}`;
    const call = { name: command.do, number, called: this.#place() };
    this.calls.push(call);
    this.#record(`${name} called`);
    let outcome: Outcome = [];
    try {
      await this.#call(command);
    } catch (error) {
      outcome = outcomeOf(error);
    }
    const index = this.calls.indexOf(call);
    this.calls[index] = { ...call, settled: { ...this.#place(), outcome } };
    this.#unsettled--;
    this.#record(`${name} ${renderOutcome(outcome)}`);
  }

  #call(command: Command): Promise<void> | void {
    const signal = this.#signal(command);
    switch (command.do) {
      case "start":
        return this.#host.start(signal);
      case "run":
        return this.#host.run(signal);
      case "waitForShutdown":
        return this.#host.waitForShutdown(signal);
      case "stop":
        this.#cause("stop call");
        return this.#host.stop(signal);
      case "dispose":
        this.#cause("stop call");
        return this.#host[Symbol.asyncDispose]();
      case "requestStop":
        return this.#requestStop();
    }
  }

  /** The signal a call is made with, and when it aborts. */
  #signal({ do: call, cancelAfter }: Command): AbortSignal | undefined {
    if (cancelAfter === undefined) return undefined;
    const controller = new AbortController();
    const abort = (): void => {
      if (call === "start") this.#cause("signal of the start");
      if (call === "run" || call === "waitForShutdown") this.#cause("stop request");
      controller.abort();
    };
    if (cancelAfter === 0) abort();
    else this.#clock.setTimeout(abort, cancelAfter);
    return controller.signal;
  }

  #place(): { readonly at: number; readonly index: number } {
    return { at: this.#clock.now(), index: this.entries.length };
  }
}

function hostOptions(scenario: Scenario, stage: Stage): HostOptions {
  const options = scenario.options ?? {};
  const hostLifetime: HostLifetime = {
    waitForStart: (signal) =>
      playRecorded("hostLifetime.waitForStart", scenario.lifetime?.waitForStart, signal, stage),
    stop: (signal) => playRecorded("hostLifetime.stop", scenario.lifetime?.stop, signal, stage),
  };
  return {
    servicesStartConcurrently: options.startConcurrently,
    servicesStopConcurrently: options.stopConcurrently,
    startupTimeout: options.startupTimeout,
    // .NET's default, not ours.
    shutdownTimeout: options.shutdownTimeout ?? 30_000,
    // What a call gets after the grace, and half of it in line. .NET knows no such limit: it waits
    // for a plain service for ever. So that ours cannot show while .NET was recorded, half of it is
    // longer than the whole recording; finite, because a rule may need the host to give up later.
    abandonTimeout: 2 * (scenario.until + AFTERMATH),
    backgroundServiceExceptionBehavior: options.backgroundExceptions === "ignore"
      ? "ignore"
      : "stopHost",
    clock: stage.clock,
    hostLifetime,
    logger: false,
  };
}

const kinds = ["hosted", "lifecycle", "background"];
const commands = ["start", "stop", "run", "waitForShutdown", "requestStop", "dispose"];
const ops = [
  "wait",
  "sleep",
  "throwSync",
  "throw",
  "throwCanceled",
  "untilAborted",
  "hang",
  "yield",
  "requestStop",
];
const options = [
  "startConcurrently",
  "stopConcurrently",
  "startupTimeout",
  "shutdownTimeout",
  "backgroundExceptions",
];

/** A scenario that says something we would not do must fail, and not agree by accident. */
function check(scenario: Scenario): void {
  for (const option of Object.keys(scenario.options ?? {})) known("option", option, options);
  for (const command of scenario.script) known("call", command.do, commands);
  for (const { kind } of scenario.services) known("kind of service", kind, kinds);
  for (const party of [...scenario.services, scenario.lifetime ?? {}]) {
    for (const script of Object.values(party)) {
      if (Array.isArray(script)) { for (const { op } of script) known("step", op, ops); }
    }
  }
}

function known(what: string, value: string, values: readonly string[]): void {
  if (!values.includes(value)) throw new TypeError(`Cannot replay: unknown ${what} "${value}"`);
}
