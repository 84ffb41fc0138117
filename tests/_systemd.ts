import process from "node:process";
import type { HostOptions, Services } from "../mod.ts";
import { systemd } from "../src/systemd/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { type Rig, rig } from "./_rig.ts";

/** A host under a service manager that a test plays. */
export interface Managed extends Rig {
  /** The messages since it was last asked, with blanks for line breaks. */
  heard(): Promise<string[]>;
}

/** How the service manager takes a message. */
export type Listen = (state: string, signal: AbortSignal) => unknown;

/** What every message has while the host starts or stops. */
export const more = "EXTEND_TIMEOUT_USEC=30000000";

/** Creates a host with `systemd()` before its services. */
export function managed(
  services: Services,
  options: HostOptions = {},
  listen: Listen = () => {},
): Managed {
  const messages: string[] = [];
  const notify: Listen = (state, signal) => {
    messages.push(state.replaceAll("\n", " "));
    return listen(state, signal);
  };
  return {
    ...rig([systemd({ notify }), ...services], options),
    async heard() {
      await quiet();
      return messages.splice(0);
    },
  };
}

/** Sets variables of the environment for as long as `body` takes. */
export async function within(
  variables: Readonly<Record<string, string>>,
  body: () => Promise<void>,
): Promise<void> {
  const names = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "SYSTEMD_EXEC_PID"];
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    await body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
