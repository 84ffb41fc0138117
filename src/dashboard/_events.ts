import type { HostEvent } from "../events.ts";
import type { Host } from "../types.ts";

const most = 30;

/** What a host has told last, newest first. */
export class Events {
  /** When it began to listen, in milliseconds since 1970. */
  readonly since: number = Date.now();
  #last: readonly { readonly at: number; readonly event: HostEvent }[] = [];

  constructor(host: Host) {
    host.subscribe((event) => {
      // What begins soon ends: its end says more.
      if (event.type === "serviceBegan" && event.phase !== "execute") return;
      this.#last = [{ at: Date.now(), event }, ...this.#last.slice(0, most - 1)];
    });
  }

  get last(): readonly { readonly at: number; readonly event: HostEvent }[] {
    return this.#last;
  }
}
