import type { Settings } from "../../_host/settings.ts";
import { log, textOf } from "../../_log.ts";
import { type Backoff, backoff } from "../../_time/backoff.ts";
import { createHost } from "../../host.ts";
import type { Host, Services } from "../../types.ts";
import type { Grace } from "./_platform_event.ts";

/** What the slices of one {@linkcode SliceRunner} have in common. */
export interface SliceRunnerOptions {
  /** Those of the host of each slice. */
  readonly settings: Settings;
  /** Milliseconds between two slices. */
  readonly pause: number;
  /** How that grows while slices fail. */
  readonly retry: Backoff;
  readonly random: () => number;
}

/** What one slice is given. */
export interface Slice {
  /** Makes its services. */
  readonly services: () => Services;
  /** Aborts when the slice is over. */
  readonly signal: AbortSignal;
  /** How long its host may take to stop, where that differs from the settings. */
  readonly grace?: Grace | undefined;
}

/** Runs slices of background work one after the other, each in a host of its own. */
export class SliceRunner {
  readonly #options: SliceRunnerOptions;
  #host: Host | undefined;
  /** How many slices in a row have failed. */
  #failures = 0;

  constructor(options: SliceRunnerOptions) {
    this.#options = options;
  }

  /** Whether the host of a slice runs. */
  get running(): boolean {
    return this.#host !== undefined;
  }

  /** Asks the slice that runs to end. */
  stop(reason: string): void {
    this.#host?.lifetime.stopApplication(reason);
  }

  /**
   * Runs one slice. What it fails with is logged; this never rejects.
   *
   * @returns Milliseconds until the next one may begin; nothing if the work has ended by itself.
   */
  async run({ services, signal, grace }: Slice): Promise<number | undefined> {
    const { settings, pause, retry, random } = this.#options;
    let host: Host | undefined;
    try {
      host = this.#host = createHost(services(), { ...settings, ...grace, stopWhenIdle: true });
      await host.run(signal);
      this.#failures = 0;
      return signal.aborted ? pause : undefined;
    } catch (error) {
      const wait = backoff(retry, ++this.#failures, random);
      const line = `A slice failed; the next begins in ${Math.round(wait)} ms at the earliest`;
      log(settings.logger, "error", `${line}: ${textOf(error)}`);
      return wait;
    } finally {
      // One whose event was lost may come back to life beside the one that has followed it.
      if (this.#host === host) this.#host = undefined;
    }
  }
}
