import { type HostedLifecycleService, onAbort, type ServiceContext } from "@runhost/host";

/** A server that listens; each runtime has its own. */
export interface Listener {
  readonly port: number;
  /** Takes no new connection; resolves when every request has been answered. */
  close(): Promise<unknown>;
  /** Cuts off those that have not. */
  cut(): void;
}

export type Fetch = (request: Request) => Response | Promise<Response>;
export type Listen = (port: number, fetch: Fetch) => Promise<Listener>;

/** Listens when all before it have started; when they stop, its requests have been answered. */
export class WebServer implements HostedLifecycleService {
  readonly name = "web";
  readonly #fetch: Fetch;
  readonly #listen: Listen;
  readonly #port: number;
  #listener: Listener | undefined;
  #closed: Promise<unknown> | undefined;

  constructor(fetch: Fetch, listen: Listen, port: number) {
    this.#fetch = fetch;
    this.#listen = listen;
    this.#port = port;
  }

  async start(_signal: AbortSignal, { logger }: ServiceContext): Promise<void> {
    try {
      this.#listener = await this.#listen(this.#port, this.#fetch);
    } catch (error) {
      if ((error as { readonly code?: string }).code !== "EADDRINUSE") throw error;
      throw new Error(`Port ${this.#port} is in use: set PORT to another one`);
    }
    logger.info(`web: open http://localhost:${this.#listener.port}`);
  }

  /** Before anything stops: take no more. */
  stopping(): void {
    this.#closed = this.#listener?.close();
  }

  /** Answer what came in; `signal` says when that has taken long enough. */
  async stop(signal: AbortSignal): Promise<void> {
    const unlink = onAbort(signal, () => this.#listener?.cut());
    await this.#closed;
    unlink();
  }
}
