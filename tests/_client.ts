import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** A client that speaks HTTP by hand, so that a test knows what is on the wire. */
export class Client {
  static readonly #open: Set<Client> = new Set();
  /** Resolves when the connection is closed, however that came. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  /** How many bytes have come, whatever was done with them. */
  bytes = 0;
  #received = "";
  #discards = false;
  #changed = (): void => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        resolve();
        Client.#open.delete(this);
        this.#changed();
      });
    });
    Client.#open.add(this);
    socket.on("error", () => {}); // the close follows
    socket.setEncoding("latin1").on("data", (text) => {
      this.bytes += text.length;
      if (!this.#discards) this.#received += text;
      this.#changed();
    });
  }

  /**
   * Connects, and trusts everybody; rejects if that is refused.
   *
   * @param url With `?socket=` and a path it is a Unix socket.
   */
  static connect(url: string, options: { readonly allowHalfOpen?: boolean } = {}): Promise<Client> {
    const { protocol, hostname: host, port: at, searchParams } = new URL(url);
    const port = Number(at);
    const path = searchParams.get("socket");
    return new Promise((resolve, reject) => {
      const secure = protocol === "https:";
      const where = path ? { path } : { port, host };
      const socket = secure
        ? connectTls({ ...where, rejectUnauthorized: false })
        : connect({ ...where, ...options });
      socket.once("error", reject);
      socket.once(secure ? "secureConnect" : "connect", () => {
        socket.off("error", reject);
        resolve(new Client(socket));
      });
    });
  }

  /** Closes every one that is open: to be called after each test. */
  static closeAll(): void {
    for (const client of Client.#open) client.close();
  }

  send(text: string): void {
    this.#socket.write(text, "latin1");
  }

  /** Sends a request without a body. */
  get(path: string, headers: string = ""): void {
    this.send(`GET ${path} HTTP/1.1\r\nHost: test\r\n${headers}\r\n`);
  }

  /** Asks for a WebSocket, with the key of RFC 6455. */
  upgrade(path: string): void {
    this.get(
      path,
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    );
  }

  /** What was received and not taken. */
  get received(): string {
    return this.#received;
  }

  /** Waits until what was received matches, takes it up to there, and returns it. */
  async receive(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#received);
      if (match) {
        const end = match.index + match[0].length;
        const taken = this.#received.slice(0, end);
        this.#received = this.#received.slice(end);
        return taken;
      }
      if (this.#socket.destroyed) throw new Error(`Closed after: ${this.#received}`);
      await new Promise<void>((resolve) => (this.#changed = resolve));
    }
  }

  /** Reads nothing from now on, until `resume` or `discard`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Reads to the end, and counts alone. */
  async discard(): Promise<number> {
    this.#discards = true;
    this.#socket.resume();
    await this.closed;
    return this.bytes;
  }

  close(): void {
    this.#socket.destroy();
  }
}
