import { connect, createServer, type Server, type Socket } from "node:net";

/** A way to a server that a test can cut: while it is, connections break and no new one succeeds. */
export class Wire {
  readonly url: string;
  readonly #port: number;
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(target: URL, server: Server) {
    const { port } = server.address() as { readonly port: number };
    const url = new URL(target.href);
    url.hostname = "127.0.0.1";
    url.port = `${port}`;
    this.url = url.href;
    this.#port = port;
    this.#target = target;
    this.#server = server;
    this.#serve(server);
  }

  static async to(url: string): Promise<Wire> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Wire(new URL(url), server);
  }

  /** Takes the server away. */
  cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.drop();
    return new Promise((resolve) => server ? server.close(() => resolve()) : resolve());
  }

  /** Gives it back. */
  async mend(): Promise<void> {
    const server = this.#server = createServer();
    this.#serve(server);
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
  }

  /** Breaks the connections that there are. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(server: Server): void {
    server.on("connection", (near) => {
      const far = connect(Number(this.#target.port), this.#target.hostname);
      for (const [socket, other] of [[near, far], [far, near]] as const) {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
  }
}
