/** What wrangler.jsonc binds. In a project of yours, `wrangler types` writes this. */
import type { AlarmState } from "@runhost/host/workers";

/** The bindings. */
export interface Env {
  readonly SENDER: string;
  readonly MAILINGS: {
    idFromName(name: string): unknown;
    get(id: unknown): { fetch(url: string, init?: RequestInit): Promise<Response> };
  };
}

/** The state of an object. */
export interface State extends AlarmState {
  readonly storage: AlarmState["storage"] & {
    get<T>(key: string): Promise<T | undefined>;
    put(key: string, value: unknown): Promise<void>;
  };
}
