import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Socket } from "./streams.ts";

const [text, close] = [0x81, 0x88];

/**
 * Just enough of a WebSocket that this example needs no other package: it says short texts, and
 * goodbye. A real program uses `ws`, which has the same two methods.
 */
export class NodeSocket implements Socket {
  readonly #connection: Duplex;

  /** Accepts the upgrade. */
  constructor({ headers }: IncomingMessage, connection: Duplex) {
    this.#connection = connection;
    const key = `${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    connection.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${createHash("sha1").update(key).digest("base64")}\r\n\r\n`,
    );
    connection.on("error", () => {}); // the close follows
    connection.on("end", () => connection.end());
    connection.on("data", ([type]: Buffer) => {
      if (type === close) connection.end(); // the client's goodbye, or its answer to ours
    });
  }

  send(message: string): void {
    this.#frame(text, Buffer.from(message));
  }

  close(code: number, reason: string): void {
    this.#frame(close, Buffer.from([code >> 8, code & 0xff, ...Buffer.from(reason)]));
  }

  #frame(type: number, payload: Buffer): void {
    this.#connection.write(Buffer.concat([Buffer.from([type, payload.length]), payload]));
  }
}
