import {
  aborted,
  type ApplicationLifetime,
  backgroundService,
  type BackgroundServiceDefinition,
  type Execute,
  type HostedLifecycleService,
  type HostLifetime,
  type ServiceContext,
} from "../mod.ts";

type Hook = (signal: AbortSignal, context: ServiceContext) => unknown;

/** What the services of a test do in their hooks, besides being noted. */
export type Hooks = Partial<
  Record<"starting" | "start" | "started" | "stopping" | "stop" | "stopped", Hook>
>;

/** What happened, in order: `name.hook` for each call, and whatever a test notes. */
export class Trace {
  #entries: string[] = [];

  note(entry: string): void {
    this.#entries.push(entry);
  }

  /** What has happened since it was last asked. */
  take(): string[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  /** A service with `start` and `stop`. */
  service(name: string, hooks: Hooks = {}): HostedLifecycleService {
    return {
      name,
      start: this.#noted(name, "start", hooks),
      stop: this.#noted(name, "stop", hooks),
    };
  }

  /** A service with all six hooks. */
  lifecycle(name: string, hooks: Hooks = {}): HostedLifecycleService {
    return {
      ...this.service(name, hooks),
      starting: this.#noted(name, "starting", hooks),
      started: this.#noted(name, "started", hooks),
      stopping: this.#noted(name, "stopping", hooks),
      stopped: this.#noted(name, "stopped", hooks),
    };
  }

  /** A background service that notes how its work begins and ends; without work of its own it waits
   * for its signal. */
  worker(
    name: string,
    execute: Execute = aborted,
    definition: Partial<BackgroundServiceDefinition> = {},
  ): ReturnType<typeof backgroundService> {
    return backgroundService(name, {
      ...definition,
      execute: async (signal, context) => {
        this.note(`${name}.execute`);
        try {
          await execute(signal, context);
        } finally {
          this.note(`${name}.executed`);
        }
      },
    });
  }

  /** A host lifetime. */
  hostLifetime(
    { waitForStart = () => {}, stop = () => {} }: Partial<HostLifetime> = {},
  ): HostLifetime {
    return {
      waitForStart: (signal, host) => {
        this.note("hostLifetime.waitForStart");
        return waitForStart(signal, host);
      },
      stop: (signal, host) => {
        this.note("hostLifetime.stop");
        return stop(signal, host);
      },
    };
  }

  /** Notes the signals of an application that users wait for. */
  watch(lifetime: ApplicationLifetime): void {
    for (const name of ["started", "stopping", "stopped"] as const) {
      lifetime[name].addEventListener("abort", () => this.note(`lifetime.${name}`));
    }
  }

  #noted(name: string, phase: keyof Hooks, hooks: Hooks): Hook {
    return (signal, context) => {
      this.note(`${name}.${phase}`);
      return hooks[phase]?.(signal, context);
    };
  }
}
