/** The first example: started, used, stopped in the middle of work, killed, and started again. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isLoopback } from "../../examples/01_postcards/address.ts";
import { Client } from "../_client.ts";
import { beside } from "../process/_lanes.ts";
import { Example, type Runtime, runtimes } from "./_example.ts";

interface Postcard {
  readonly id: string;
  readonly text: string;
  readonly state: string;
  readonly layers: number;
}

const temporary = mkdtempSync(join(tmpdir(), "postcards-"));
test.after(() => rmSync(temporary, { recursive: true }));

/** The example on a folder and a port, and its website. */
class Postcards extends Example {
  readonly #address: Promise<string>;

  constructor(runtime: Runtime, folder: string, port: string = "0") {
    const DATA = join(temporary, folder);
    super(runtime, ["01_postcards/main.ts"], { DATA, PORT: port });
    this.#address = this.prints(/Service "web": listening on (http:\S+)\/\n/);
    this.#address.catch(() => {}); // some are not to open
  }

  /** The website, by another address of this machine. */
  async addressOn(address: string): Promise<string> {
    return `http://${address}:${new URL(await this.#address).port}`;
  }

  async post(text: string): Promise<number> {
    const response = await fetch(`${await this.#address}/postcards`, {
      method: "POST",
      body: text,
    });
    await response.body?.cancel();
    return response.status;
  }

  /** The postcards, oldest first, once they are as wanted. */
  async postcards(wanted: (all: readonly Postcard[]) => boolean): Promise<readonly Postcard[]> {
    for (;; await sleep(20)) {
      const all = await (await this.#get("/postcards")).json() as Postcard[];
      if (wanted(all.reverse())) return all;
    }
  }

  /** Begins to post a line of text, and is told to go on. */
  async begin({ length }: string): Promise<Client> {
    const client = await Client.connect(await this.#address);
    client.send(
      `POST /postcards HTTP/1.1\r\nHost: test\r\nContent-Length: ${length}\r\n` +
        "Expect: 100-continue\r\n\r\n",
    );
    await client.receive(/100 Continue\r\n\r\n/);
    return client;
  }

  async text(path: string): Promise<string> {
    return await (await this.#get(path)).text();
  }

  async #get(path: string): Promise<Response> {
    return await fetch(await this.#address + path);
  }
}

/** How others reach this machine. */
const addresses = Object.values(networkInterfaces()).flatMap((it) => it ?? [])
  .filter(({ internal, family }) => !internal && family === "IPv4").map((it) => it.address);

const painted = (all: readonly Postcard[]): boolean => all.every(({ state }) => state === "done");

test("loopback addresses are those that nobody else can have", () => {
  const wanted = {
    "127.0.0.1": true,
    "::1": true,
    "::ffff:127.0.0.1": true,
    "10.0.0.1": false,
    "::": false,
  };
  for (const [address, is] of Object.entries(wanted)) assert.is(isLoopback(address), is, address);
  assert.is(isLoopback(undefined), false);
});

for (const runtime of runtimes) {
  beside(test, `01_postcards loses nothing on ${runtime.name}`, async () => {
    const first = new Postcards(runtime, runtime.name);
    const texts = ["one", "two & <a half>", "three"];
    for (const text of texts) assert.is(await first.post(text), 202);
    assert.is(await first.post(" "), 400);
    assert.match(await first.text("/"), "<title>Postcards</title>");

    // Who may see the dashboard: this machine.
    assert.match(await first.text("/dashboard/jobs"), "easel");
    for (const address of addresses) {
      const { status } = await fetch(`${await first.addressOn(address)}/dashboard`);
      assert.is(status, 403, address);
    }

    // Asked to stop in the middle of the first, it finishes that and takes no other; a request that
    // is half said is heard to its end, and answered.
    const half = await first.begin("four");
    texts.push("four");
    await first.postcards(([one]) => one?.state === "painting" && one.layers > 0);
    first.send("SIGINT");
    await first.prints(/web: stopping done/);
    half.send("four");
    assert.match(await half.receive(/"four"/), "HTTP/1.1 202");
    await half.closed;
    assert.is(await first.exit, 0, first.output);
    assert.match(first.output, /Host stopped after \d+ ms\n$/);

    // Killed in the middle of the second, it keeps the layers that had dried.
    const second = new Postcards(runtime, runtime.name);
    const before = await second.postcards(([one, two]) =>
      one!.state === "done" && two!.state === "painting" && two!.layers > 1
    );
    const { layers } = before[1]!;
    second.send("SIGKILL");
    assert.is(await second.exit, "SIGKILL");

    // Two processes on one folder share the work.
    const third = new Postcards(runtime, runtime.name);
    const fourth = new Postcards(runtime, runtime.name);
    await third.postcards(([, two]) => two!.state === "painting");
    const [, two] = await fourth.postcards(() => true);
    assert.ok(two!.layers >= layers, `${two!.layers} of ${layers} layers`);
    const after = await third.postcards(painted);
    assert.equal(after.map(({ text }) => text), texts);
    assert.equal(after.map(({ layers }) => layers), [7, 7, 7, 7]);
    const picture = await fourth.text(`/postcards/${after[1]!.id}`);
    assert.match(picture, /^<svg .*>two &amp; &lt;a half><\/text><\/svg>$/);
    assert.is(picture.match(/<text/g)?.length, 1);
    fourth.send("SIGTERM");
    assert.is(await fourth.exit, 0, fourth.output);

    third.send("SIGTERM");
    assert.is(await third.exit, 0, third.output);

    // A port in use is named, and what has started is stopped again.
    const server = createServer().listen(0);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const fifth = new Postcards(runtime, runtime.name, `${port}`);
    assert.is(await fifth.exit, 1);
    assert.match(fifth.output, `port ${port} on all addresses is in use: stop what listens there`);
    assert.match(fifth.output, /jobs: stop done after[^]*\nHost stopped after \d+ ms\n$/);
    server.close();
  });
}

test.run();
