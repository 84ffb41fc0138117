import { Latch } from "./_latch.ts";
import type { ApplicationLifetime } from "./types.ts";

/** The host's side of the three signals: it fires them. */
export interface LifetimeLatches {
  readonly started: Latch;
  readonly stopping: Latch;
  readonly stopped: Latch;
}

/** Three signals, none of them fired. */
export function lifetimeLatches(): LifetimeLatches {
  return { started: new Latch(), stopping: new Latch(), stopped: new Latch() };
}

/** The application's side: it sees them, and may ask for the stop. */
export function applicationLifetime(
  latches: LifetimeLatches,
  stopApplication: (reason?: unknown) => void,
): ApplicationLifetime {
  return {
    get started(): AbortSignal {
      return latches.started.signal;
    },
    get stopping(): AbortSignal {
      return latches.stopping.signal;
    },
    get stopped(): AbortSignal {
      return latches.stopped.signal;
    },
    stopApplication,
  };
}
