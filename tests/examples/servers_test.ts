/** The examples that serve, each on its own runtime: used, and stopped in the middle of that. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Client } from "../_client.ts";
import { beside } from "../process/_lanes.ts";
import { Example, type Runtime, runtimes } from "./_example.ts";

/** An example that listens on any port. */
class Server extends Example {
  /** Where. */
  readonly url: Promise<string>;

  constructor(runtime: Runtime, folder: string) {
    super(runtime, [`${folder}/${runtime.name.toLowerCase()}.ts`], { PORT: "0" });
    this.url = this.prints(/Service "web": listening on (http:\S+)\n/);
  }
}

for (const runtime of runtimes) {
  beside(test, `10_hono on ${runtime.name}`, async () => {
    const example = new Server(runtime, "10_hono");
    const url = await example.url;
    assert.is(await (await fetch(url)).text(), "Hello from a host that has started");
    assert.is(await (await fetch(`${url}readyz`)).text(), "ok");
    const order = await fetch(`${url}orders`, { method: "POST" });
    assert.is(await order.text(), "Thank you");
    example.send("SIGTERM");
    assert.is(await example.exit, 0, example.output);
    assert.match(example.output, /\nThe mail is sent\n$/);
  });

  beside(test, `11_streams end well on ${runtime.name}`, async () => {
    const example = new Server(runtime, "11_streams");
    const url = await example.url;
    const stream = await Client.connect(url);
    stream.get("/events");
    await stream.receive(/event: tick\ndata: .*\n/);
    const socket = await Client.connect(url);
    socket.upgrade("/");
    assert.match(
      await socket.receive(/^HTTP\/1.1 101 [^]*\r\n\r\n/),
      /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i,
    );
    await socket.receive(/Welcome/);

    example.send("SIGTERM");
    await stream.receive(/event: bye\ndata: Come back soon\n/);
    await stream.closed;
    assert.match(await socket.receive(/soon/), "\x88\x10\x03\xe9Come back soon"); // 1001
    socket.send("\x88\x82\0\0\0\0\x03\xe9"); // the answer to it
    await socket.closed;
    assert.is(await example.exit, 0, example.output);
    assert.not.match(example.output, "Cannot drain");
  });
}

test.run();
