import type {
  Attributes,
  BatchObservableCallback,
  BatchObservableResult,
  Counter,
  Histogram,
  Meter,
  Observable,
} from "@opentelemetry/api";
import { errorType } from "./_providers.ts";
import type { HostEvent } from "../events.ts";
import type { Host, HostState, ServiceState } from "../types.ts";

/** Something that has a length: a `Channel`, an `Inbox`. */
export interface Countable {
  /** How many items wait in it. */
  readonly count: number;
}

const hostStates: readonly HostState[] = ["created", "starting", "started", "stopping", "stopped"];
const serviceStates: readonly ServiceState[] = [...hostStates, "completed", "failed", "abandoned"];

/** From a few milliseconds, which most hooks take, to the longest grace that is usual. */
const advice = {
  explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60],
};

/** Measures one host: some from its events, the rest when the provider asks for it. */
export class Metrics {
  readonly #host: Host;
  readonly #queues: readonly (readonly [name: string, queue: Countable])[];
  readonly #meter: Meter;

  // From events.
  readonly #starts: Histogram;
  readonly #stops: Histogram;
  readonly #hooks: Histogram;
  readonly #failures: Counter;
  readonly #restarts: Counter;

  // When asked.
  readonly #hostState: Observable;
  readonly #serviceState: Observable;
  readonly #leading: Observable;
  readonly #items: Observable;
  readonly #active: Observable;
  readonly #failedAttempts: Observable;
  readonly #retries: Observable;
  readonly #sourceErrors: Observable;
  readonly #queueLength: Observable;
  readonly #runs: Observable;
  readonly #lag: Observable;
  readonly #observables: Observable[];

  constructor(host: Host, queues: Readonly<Record<string, Countable>>, meter: Meter) {
    this.#host = host;
    this.#queues = Object.entries(queues);
    this.#meter = meter;

    const seconds = (name: string, description: string): Histogram =>
      meter.createHistogram(`runhost.${name}.duration`, { unit: "s", description, advice });
    this.#starts = seconds("host.start", "How long a start took");
    this.#stops = seconds("host.stop", "How long a stop took, drain delay included");
    this.#hooks = seconds("hook", "How long a hook of a service took");
    this.#failures = meter.createCounter("runhost.service.failures", {
      unit: "{failure}",
      description: "What failed in services, or was abandoned",
    });
    this.#restarts = meter.createCounter("runhost.service.restarts", {
      unit: "{restart}",
      description: "Incarnations of supervised services that were followed by another",
    });

    this.#observables = [];
    const add = <T extends Observable>(observable: T): T => {
      this.#observables.push(observable);
      return observable;
    };
    const level = (name: string, unit: string, description: string): Observable =>
      add(meter.createObservableUpDownCounter(`runhost.${name}`, { unit, description }));
    const count = (name: string, unit: string, description: string): Observable =>
      add(meter.createObservableCounter(`runhost.${name}`, { unit, description }));
    this.#hostState = level("host.state", "{host}", "1 for the state the host is in, else 0");
    this.#serviceState = level(
      "service.state",
      "{service}",
      "1 for the state the service is in, else 0",
    );
    this.#leading = level("leader.active", "{leader}", "1 while this process leads, else 0");
    this.#items = count("items", "{item}", "What consumers and task queues are done with");
    this.#active = level("items.active", "{item}", "What is held, or runs");
    this.#failedAttempts = count("attempts.failed", "{attempt}", "Attempts at items that failed");
    this.#retries = count("attempts.retried", "{attempt}", "Failed attempts that another follows");
    this.#sourceErrors = count("source.errors", "{error}", "Calls of a source that failed");
    this.#queueLength = level("queue.length", "{item}", "What waits in memory");
    this.#runs = count("schedule.runs", "{run}", "Runs of schedules");
    this.#lag = add(meter.createObservableGauge("runhost.schedule.lag", {
      unit: "s",
      description: "How long the next run has been due",
    }));
    meter.addBatchObservableCallback(this.#observe, this.#observables);
  }

  /** Is asked no more. */
  close(): void {
    this.#meter.removeBatchObservableCallback(this.#observe, this.#observables);
  }

  read(event: HostEvent): void {
    switch (event.type) {
      case "hostStarted":
        return this.#starts.record(event.duration / 1_000);
      case "hostStartFailed":
        return this.#starts.record(event.duration / 1_000, {
          "error.type": errorType(event.error),
        });
      case "hostStopped": {
        const attributes = "error" in event ? { "error.type": errorType(event.error) } : {};
        return this.#stops.record(event.duration / 1_000, attributes);
      }
      case "serviceDone":
      case "serviceFailed":
      case "serviceAbandoned": {
        const { service, phase, type, duration } = event;
        const attributes: Attributes = {
          "runhost.service.name": service,
          "runhost.phase": phase,
        };
        if (type !== "serviceDone") {
          attributes["error.type"] = errorType(event.error);
          this.#failures.add(1, attributes);
        }
        // How long a service has worked is no duration of a call.
        if (phase !== "execute") this.#hooks.record(duration / 1_000, attributes);
        return;
      }
      case "serviceFaulted":
        return this.#failures.add(1, {
          "runhost.service.name": event.service,
          "error.type": errorType(event.error),
        });
      case "serviceRestarting": {
        const attributes: Attributes = { "runhost.service.name": event.service };
        if (event.attempt > 0) attributes["error.type"] = errorType(event.error);
        return this.#restarts.add(1, attributes);
      }
    }
  }

  readonly #observe: BatchObservableCallback = (result) => {
    for (const state of hostStates) {
      result.observe(this.#hostState, Number(state === this.#host.state), {
        "runhost.host.state": state,
      });
    }
    for (const { name, state: current, details } of this.#host.services) {
      const service = { "runhost.service.name": name };
      for (const state of serviceStates) {
        const attributes = { ...service, "runhost.service.state": state };
        result.observe(this.#serviceState, Number(state === current), attributes);
      }
      this.#observeDetails(result, service, details);
    }
    for (const [name, { count }] of this.#queues) {
      result.observe(this.#queueLength, count, { "runhost.queue.name": name });
    }
  };

  /** Known by what is in them: a service may be of another copy of the package. */
  #observeDetails(
    result: BatchObservableResult,
    service: Attributes,
    details: unknown,
    depth: number = 0,
  ): void {
    if (typeof details !== "object" || details === null || depth > 3) return;
    const found = details as Readonly<Record<string, unknown>>;
    const outcomes = (
      on: Observable,
      counts: Readonly<Record<string, unknown>>,
    ): void => {
      for (const [outcome, count] of Object.entries(counts)) {
        result.observe(on, count as number, { ...service, "runhost.outcome": outcome });
      }
    };
    if (hasNumbers(found, "received", "done", "unacked", "released", "deadLettered", "active")) {
      const { done, unacked, released, deadLettered, active, failed, retried } = found;
      outcomes(this.#items, { done, unacked, released, dead_lettered: deadLettered });
      result.observe(this.#active, active as number, service);
      result.observe(this.#failedAttempts, failed as number, service);
      result.observe(this.#retries, retried as number, service);
      for (const call of ["receive", "settle"]) {
        const attributes = { ...service, "runhost.source.call": call };
        result.observe(this.#sourceErrors, found[`${call}Errors`] as number, attributes);
      }
    } else if (hasNumbers(found, "queued", "active", "done", "failed", "unfinished")) {
      const { queued, active, done, failed, unfinished } = found;
      outcomes(this.#items, { done, failed, unfinished });
      result.observe(this.#active, active as number, service);
      const name = service["runhost.service.name"] as string;
      result.observe(this.#queueLength, queued as number, { "runhost.queue.name": name });
    } else if (hasNumbers(found, "runs", "failures") && "nextRun" in found) {
      const { runs, failures, running, nextRun } = found;
      const ended = (runs as number) - Number(running);
      outcomes(this.#runs, { done: ended - (failures as number), failed: failures });
      const late = nextRun instanceof Date ? Date.now() - nextRun.getTime() : 0;
      result.observe(this.#lag, Math.max(0, late) / 1_000, service);
    } else if ("service" in found) { // of `supervised` and `leader`
      if (typeof found["leading"] === "boolean") {
        result.observe(this.#leading, Number(found["leading"]), service);
      }
      this.#observeDetails(result, service, found["service"], depth + 1);
    }
  }
}

function hasNumbers(details: Readonly<Record<string, unknown>>, ...names: string[]): boolean {
  return names.every((name) => typeof details[name] === "number");
}
