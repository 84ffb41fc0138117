import { get } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { clearInterval, setInterval } from "node:timers";

/** Milliseconds between two looks at an instance: half of what it stays ready for others. */
const period = 100;

interface Backend {
  readonly port: number;
  ready: boolean;
  connections: number;
}

/**
 * A balancer of connections, not of requests: a new one goes to the instance that has the fewest,
 * of those whose `/readyz` says 200. One that cannot be reached is passed over.
 */
export class Balancer {
  readonly #backends: Set<Backend> = new Set();
  readonly #server: Server = createServer((socket) => this.#route(socket));
  readonly #poll: ReturnType<typeof setInterval> = setInterval(() => this.#look(), period);
  #waiting: Socket[] = [];

  /** Listens; the port. */
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, "127.0.0.1", () => {
        resolve((this.#server.address() as { readonly port: number }).port);
      });
    });
  }

  /** Takes an instance in, and resolves when it is ready. */
  async add(port: number): Promise<void> {
    const backend: Backend = { port, ready: false, connections: 0 };
    this.#backends.add(backend);
    while (!backend.ready) {
      await new Promise((resolve) => globalThis.setTimeout(resolve, 10));
      await this.#lookAt(backend);
    }
  }

  /** Forgets an instance. */
  remove(port: number): void {
    for (const backend of this.#backends) {
      if (backend.port === port) this.#backends.delete(backend);
    }
  }

  close(): void {
    clearInterval(this.#poll);
    this.#server.close();
  }

  #route(client: Socket, passed: readonly Backend[] = []): void {
    const [backend] = [...this.#backends]
      .filter((it) => it.ready && !passed.includes(it))
      .sort((a, b) => a.connections - b.connections);
    if (!backend) {
      this.#waiting.push(client);
      return;
    }
    backend.connections++;
    const server = connect(backend.port, "127.0.0.1");
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    server.once("close", () => backend.connections--);
    server.once("connect", () => {
      server.off("error", passOver);
      server.on("error", end).on("close", end);
      client.pipe(server).pipe(client);
    });
    const passOver = (): void => this.#route(client, [...passed, backend]);
    server.once("error", passOver);
    client.on("error", end).on("close", end);
  }

  #look(): void {
    for (const backend of this.#backends) this.#lookAt(backend);
  }

  async #lookAt(backend: Backend): Promise<void> {
    backend.ready = await new Promise((resolve) => {
      const url = `http://127.0.0.1:${backend.port}/readyz`;
      get(url, { agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      }).on("error", () => resolve(false));
    });
    if (backend.ready) { for (const client of this.#waiting.splice(0)) this.#route(client); }
  }
}
