/** How a server of Node goes: what is on its way arrives, and nobody holds the stop for nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import { connect, createServer as createProxy, type Server as Proxy, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
// @ts-types="npm:@types/express@^5.0.6"
import express from "express";
import { Hono } from "hono";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  createHost,
  type Host,
  type HostEvent,
  type HostOptions,
  type HttpServer,
  httpServer,
  type RequestsCutError,
} from "../src/runtime/node.ts";
import { cert, key } from "./_certificate.ts";
import { Client } from "./_client.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";
import { runtime } from "./_servers.ts";

guard(test);
test.after.each(() => Client.closeAll());

interface Site {
  readonly host: Host;
  readonly url: string;
  readonly port: number;
  readonly events: HostEvent[];
  /** How many requests are in flight, as the service says. */
  requests(): number;
}

/** A started host with one server. Its grace never ends by itself: who needs it hangs. */
async function started(server: unknown, options: HostOptions = {}): Promise<Site> {
  const events: HostEvent[] = [];
  const web = httpServer("web", {
    server: server as HttpServer,
    port: 0,
    hostname: "127.0.0.1",
  });
  const onEvent = (event: HostEvent): void => void events.push(event);
  const host = createHost([web], {
    logger: new Lines(),
    clock: new FakeClock(),
    onEvent,
    ...options,
  });
  await host.start();
  const { url } = web.details as { url: string };
  return {
    host,
    url,
    port: Number(new URL(url).port),
    events,
    requests: () => (web.details as { requests: number }).requests,
  };
}

/** Waits until the host has come so far. */
async function reached({ events }: Site, phase: string, type = "serviceBegan"): Promise<void> {
  const there = (event: HostEvent): boolean =>
    event.type === type && (event as { readonly phase?: string }).phase === phase;
  while (!events.some(there)) await quiet();
}

/** Waits until the intake is closed. */
const closed = (site: Site): Promise<void> => reached(site, "stopping", "serviceDone");

const ok = /\r\n\r\nok/;

/** More than all buffers between a server and a client that does not read. */
const large = new Uint8Array(1 << 26);

/** Servers that answer each request with `large`, by what makes them. */
const answering: Readonly<Record<string, () => HttpServer>> = {
  http: () => createServer(answer),
  https: () => https.createServer({ cert, key }, answer),
  "http, with Connection: close": () =>
    createServer((request, response) => {
      response.setHeader("Connection", "close");
      answer(request, response);
    }),
  Express: () => createServer(express().get("/", (_, response) => void response.send(large))),
  Hono: () => {
    const app = new Hono().get("/", (c) => c.body(large));
    return createAdaptorServer({ fetch: app.fetch });
  },
};

function answer(...[, response]: Parameters<RequestListener>): void {
  response.setHeader("Content-Length", large.length);
  response.end(large);
}

for (const [made, make] of runtime === "node" ? Object.entries(answering) : []) {
  for (const drainDelay of [0, 5_000]) {
    const when = drainDelay ? "in the drain delay" : "at the stop";
    test(`an answer of ${made} on its way to a slow client ${when} arrives whole`, async () => {
      const clock = new FakeClock();
      const server = make();
      const site = await started(server, { clock, drainDelay });
      const client = await Client.connect(site.url);
      client.pause();
      const asked = new Promise((resolve) => (server as Server).once("request", resolve));
      client.get("/");
      await asked;
      for (let turns = 0; turns < 20; turns++) await quiet(); // the buffers fill
      assert.is(site.requests(), 1);
      const stopped = new Fate(site.host.stop());
      await clock.advance(drainDelay);
      await reached(site, "stop");
      for (let turns = 0; turns < 20; turns++) await quiet();
      assert.is(stopped.state, "pending");
      assert.is(site.requests(), 1);
      assert.ok(await client.discard() > large.length);
      while (stopped.state === "pending") await quiet();
      assert.is(stopped.state, "fulfilled");
    });
  }
}

/** Stands between a client and a server, and can stop to read what the server sends. */
async function proxy(port: number): Promise<{ port: number; up: Promise<Socket>; server: Proxy }> {
  const opened = new Gate();
  let up!: Socket;
  const server = createProxy((down) => {
    up = connect(port, "127.0.0.1");
    down.pipe(up).on("data", (data) => down.write(data)).on("end", () => down.end());
    for (const socket of [up, down]) socket.on("error", () => {});
    down.on("close", () => up.destroy());
    opened.open();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: at } = server.address() as { port: number };
  return { port: at, up: opened.promise.then(() => up), server };
}

/** Does something as if a minute had gone by on the platform's clock. */
async function aMinuteLater(action: () => unknown): Promise<void> {
  const { now } = performance;
  performance.now = () => now.call(performance) + 60_000;
  try {
    await action();
  } finally {
    performance.now = now;
  }
}

/** Settings under which a client takes a whole answer before anybody reads it. */
const wide = { initialWindowSize: 1 << 28 };

const http2Servers = {
  http: (handler: (request: unknown, response: http2.Http2ServerResponse) => void) =>
    http2.createServer(handler),
  https: (handler: (request: unknown, response: http2.Http2ServerResponse) => void) =>
    http2.createSecureServer({ cert, key }, handler),
};

/** A client that has asked for a large answer over HTTP/2, and reads nothing of it. */
async function slowly(scheme: keyof typeof http2Servers, options: HostOptions = {}): Promise<
  Site & { up: Socket; bytes(): number; over: Promise<void>; close(): void }
> {
  const asked = new Gate();
  const server = http2Servers[scheme]((_, response) => {
    asked.open();
    response.end(large);
  });
  const site = await started(server, options);
  const between = await proxy(site.port);
  const url = `${scheme}://127.0.0.1:${between.port}`;
  const session = http2.connect(url, { rejectUnauthorized: false, settings: wide });
  session.on("error", () => {});
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  session.setLocalWindowSize(wide.initialWindowSize);
  await new Promise((resolve) => session.ping(() => resolve(0))); // the window is known
  const up = await between.up;
  up.pause();
  let bytes = 0;
  const request = session.request({ ":path": "/" }).on("data", ({ length }) => bytes += length);
  request.on("error", () => {});
  const over = new Promise<void>((resolve) => request.once("close", resolve));
  await asked.promise;
  for (let turns = 0; turns < 20; turns++) await quiet(); // the buffers fill
  const close = (): void => {
    session.destroy();
    between.server.close();
  };
  return { ...site, up, bytes: () => bytes, over, close };
}

if (runtime === "node") {
  for (const scheme of ["http", "https"] as const) {
    test(`an answer of HTTP/2 over ${scheme} on its way to a slow client arrives whole`, async () => {
      const site = await slowly(scheme);
      const stopped = new Fate(site.host.stop());
      await reached(site, "stop");
      assert.equal([site.requests(), stopped.state], [1, "pending"]);
      site.up.resume();
      await site.over;
      assert.is(site.bytes(), large.length);
      while (stopped.state === "pending") await quiet();
      assert.is(stopped.state, "fulfilled");
      site.close();
    });
  }

  test("an answer of HTTP/2 that the client does not take is cut, and counted", async () => {
    const clock = new FakeClock();
    const site = await slowly("http", { clock });
    const stopped = rejection<RequestsCutError>(site.host.stop());
    await reached(site, "stop");
    await clock.advance(25_000);
    assert.is((await stopped).requests, 1);
    site.close();
  });
}

// What is in flight.

/** Sends the head of an upload. */
const head = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n";

for (
  const [event, expect] of [["request", ""], ["checkContinue", "100-continue"], [
    "checkExpectation",
    "magic",
  ]] as const
) {
  test(`an upload that comes as ${event} is in flight until it is answered`, async () => {
    const server = createServer();
    const asked = new Gate();
    server.on(event, async (request, response) => {
      asked.open();
      if (event === "checkContinue") response.writeContinue();
      let bytes = 0;
      for await (const { length } of request) bytes += length;
      response.end(`stored ${bytes}`);
    });
    const site = await started(server);
    const client = await Client.connect(site.url);
    client.send(`${head}${expect && `Expect: ${expect}\r\n`}\r\n12345`);
    await asked.promise;
    assert.is(site.requests(), 1);
    const stopped = new Fate(site.host.stop());
    await reached(site, "stop");
    for (let turns = 0; turns < 20; turns++) await quiet();
    assert.is(stopped.state, "pending");
    client.send("67890");
    assert.match(await client.receive(/stored 10/), /\r\nConnection: close\r\n/);
    while (stopped.state === "pending") await quiet();
    assert.is(stopped.state, "fulfilled");
  });
}

test("a request that is handed on from checkContinue to request is counted once", async () => {
  const [asked, answer] = [new Gate(), new Gate()];
  const server = createServer(async (_, response) => {
    asked.open();
    await answer.promise;
    response.end("ok");
  });
  server.on("checkContinue", (request, response) => {
    response.writeContinue();
    server.emit("request", request, response);
  });
  const site = await started(server);
  const client = await Client.connect(site.url);
  client.send(`${head}Expect: 100-continue\r\n\r\n1234567890`);
  await asked.promise;
  assert.is(site.requests(), 1);
  answer.open();
  await client.receive(ok);
  while (site.requests()) await quiet();
  await site.host.stop();
});

test("a server that nobody asked to look at Expect does with it what Node does", async () => {
  const site = await started(createServer((_, response) => void response.end("ok")));
  const [polite, strange] = [await Client.connect(site.url), await Client.connect(site.url)];
  polite.send(`${head}Expect: 100-continue\r\n\r\n1234567890`);
  assert.match(await polite.receive(ok), /^HTTP\/1\.1 100 Continue\r\n/);
  if (runtime !== "deno") {
    strange.send(`${head}Expect: magic\r\n\r\n1234567890`);
    await strange.receive(/^HTTP\/1\.1 417 /);
  }
  await site.host.stop();
});

test("pipelined requests are answered, and the last answer says Connection: close", async () => {
  const [asked, first, second] = [new Gate(), new Gate(), new Gate()];
  const server = createServer(async ({ url }, response) => {
    if (url === "/2") asked.open();
    await (url === "/1" ? first : second).promise;
    response.end(`answer to ${url}`);
  });
  const site = await started(server);
  const client = await Client.connect(site.url);
  client.get("/1");
  client.get("/2");
  await asked.promise;
  const stopped = site.host.stop();
  await reached(site, "stop");
  first.open();
  assert.not.match(await client.receive(/answer to \/1/), /connection: close/i);
  second.open();
  assert.match(await client.receive(/answer to \/2/), /connection: close/i);
  await stopped;
});

test("a request behind one that was asked to be the last is answered", async () => {
  const clock = new FakeClock();
  const [asked, both, answer] = [new Gate(), new Gate(), new Gate()];
  const server = createServer(async ({ url }, response) => {
    (url === "/1" ? asked : both).open();
    await answer.promise;
    response.end(`answer to ${url}`);
  });
  const site = await started(server, { clock, drainDelay: 5_000 });
  const client = await Client.connect(site.url);
  const stopped = site.host.stop();
  client.get("/1");
  await asked.promise;
  client.get("/2");
  await both.promise;
  answer.open();
  assert.not.match(await client.receive(/answer to \/1/), /connection: close/i);
  assert.match(await client.receive(/answer to \/2/), /connection: close/i);
  await client.closed;
  await clock.advance(5_000);
  await stopped;
});

// What was promised.

/** Other runtimes that have `node:http` close connections by rules of their own. */
const onNode = (runtime === "node" ? test : () => {}) as typeof test;

/** A body that fills all buffers, too. */
const upload = "x".repeat(1 << 24);

for (const when of ["before the stop", "in the drain delay", "after the intake has closed"]) {
  onNode(
    `an early answer ${when} is not torn up by an upload that still comes`,
    async () => {
      const clock = new FakeClock();
      const [asked, answer, answered] = [new Gate(), new Gate(), new Gate()];
      let taken: IncomingMessage | undefined;
      const handle: RequestListener = async (request, response) => {
        taken = request;
        asked.open();
        await answer.promise;
        response.on("close", () => answered.open());
        response.writeHead(413).end("too much");
      };
      const server = createServer(handle);
      const drainDelay = when === "in the drain delay" ? 5_000 : 0;
      const site = await started(server, { clock, drainDelay });
      const client = await Client.connect(site.url);
      client.pause();
      client.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${upload.length}\r\n\r\n`);
      await asked.promise;
      client.send(upload);
      if (when === "before the stop") {
        answer.open();
        await answered.promise;
      }
      const stopped = new Fate(site.host.stop());
      if (when === "after the intake has closed") await closed(site);
      answer.open();
      await answered.promise;
      while (!taken!.complete && !taken!.socket.destroyed) await quiet();
      assert.is(taken!.complete, true);
      await clock.advance(drainDelay);
      while (stopped.state === "pending") await quiet();
      assert.is(stopped.state, "fulfilled");
      client.resume();
      await client.receive(/413[^]*too much/);
    },
  );
}

onNode(
  "a client that is told keep-alive by the answer itself, and comes back at once, holds nothing",
  async () => {
    const [asked, answer] = [new Gate(), new Gate()];
    const server = createServer(async (_request, response) => {
      asked.open();
      await answer.promise;
      response.writeHead(200, { "Connection": "keep-alive", "Content-Length": 2 }).end("ok");
    });
    const site = await started(server);
    const client = await Client.connect(site.url);
    client.get("/");
    await asked.promise;
    const stopped = new Fate(site.host.stop());
    await closed(site);
    answer.open();
    let gone = false;
    client.closed.then(() => (gone = true));
    while (!gone) {
      await client.receive(ok).then(() => client.get("/"), () => client.closed);
    }
    while (stopped.state === "pending") await quiet();
    assert.is(stopped.state, "fulfilled");
  },
);

onNode("an upload that stands still after its answer holds nothing", async () => {
  const answered = new Gate();
  const server = createServer((_request, response) => {
    response.on("close", () => answered.open());
    response.end("ok");
  });
  const site = await started(server);
  const client = await Client.connect(site.url, { allowHalfOpen: true });
  client.send(`${head}\r\n12345`);
  await answered.promise;
  await site.host.stop();
  await client.receive(ok);
});

onNode("a request on a connection whose last answer said keep-alive is served", async () => {
  let count = 0;
  const [asked, end] = [new Gate(), new Gate()];
  const server = createServer(async (_, response) => {
    if (++count > 1) return void response.end("second");
    response.write("fir"); // its head is on its way before the stop
    asked.open();
    await end.promise;
    response.end("st");
  });
  const site = await started(server);
  const client = await Client.connect(site.url);
  client.get("/");
  await client.receive(/fir/);
  const stopped = site.host.stop();
  await reached(site, "stop");
  end.open();
  await client.receive(/st\r\n0\r\n\r\n/);
  client.get("/");
  assert.match(await client.receive(/second/), /connection: close/i);
  await stopped;
  await client.closed;
});

onNode("a request on a connection that was answered just before the stop is served", async () => {
  const site = await started(createServer((_, response) => void response.end("ok")));
  const client = await Client.connect(site.url);
  client.get("/");
  await client.receive(ok);
  const stopped = site.host.stop();
  await closed(site);
  client.get("/");
  await client.receive(ok);
  await stopped;
});

for (const scheme of ["http", "https"]) {
  onNode(
    `a request on a connection that has just been accepted is served over ${scheme}`,
    async () => {
      const handler: RequestListener = (_, response) => void response.end("ok");
      const server = scheme === "http"
        ? createServer(handler)
        : https.createServer({ cert, key }, handler);
      const site = await started(server);
      const client = await Client.connect(site.url);
      const stopped = site.host.stop();
      await closed(site);
      client.get("/");
      await client.receive(ok);
      await stopped;
    },
  );
}

onNode("a request that comes while the event loop is away is served", async () => {
  const site = await started(createServer(async (_, response) => {
    for (let turns = 0; turns < 5; turns++) await quiet();
    response.end("ok");
  }));
  const client = await Client.connect(site.url);
  client.get("/");
  await client.receive(ok);
  const stopped = site.host.stop();
  await closed(site);
  client.get("/");
  for (const end = performance.now() + 150; performance.now() < end;); // longer than the patience
  await client.receive(ok);
  await stopped;
});

onNode("a client that connects while the intake closes is accepted", async () => {
  const site = await started(createServer((_, response) => void response.end("ok")));
  const connecting = Client.connect(site.url);
  const stopped = site.host.stop();
  const client = await connecting;
  client.get("/");
  await client.receive(ok);
  await stopped;
  await rejection(Client.connect(site.url));
});

onNode("connections that have waited for long are closed at once, however many", async () => {
  const site = await started(createServer((_, response) => void response.end("ok")));
  const clients = await Promise.all(Array.from({ length: 100 }, () => Client.connect(site.url)));
  for (const client of clients) {
    client.get("/");
    await client.receive(ok);
  }
  await aMinuteLater(async () => {
    const stopped = new Fate(site.host.stop());
    await closed(site);
    const left = new Fate(Promise.all(clients.map((it) => it.closed)));
    // Far less than the patience with younger ones takes.
    for (let turns = 0; turns < 50 && left.state === "pending"; turns++) await quiet();
    assert.is(left.state, "fulfilled");
    while (stopped.state === "pending") await quiet();
    assert.is(stopped.state, "fulfilled");
  });
});

test("a client that does not close its side holds nothing", async () => {
  const site = await started(createServer((_, response) => void response.end("ok")));
  const client = await Client.connect(site.url, { allowHalfOpen: true });
  client.get("/");
  await client.receive(ok);
  await site.host.stop();
});

// What is told to HTTP/2, and who is waited for.

/** A session, and what it was told by GOAWAY. */
async function opened(url: string): Promise<{
  session: http2.ClientHttp2Session;
  goaways: number[];
  get(path: string): Promise<string>;
}> {
  const session = http2.connect(url);
  const goaways: number[] = [];
  session.on("error", () => {}).on("goaway", (_code, last) => goaways.push(last));
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  return {
    session,
    goaways,
    async get(path) {
      let text = "";
      for await (const part of session.request({ ":path": path })) text += part;
      return text;
    },
  };
}

if (runtime === "node") {
  test("a session of HTTP/2 is told once in the drain delay to go, and is served", async () => {
    const [asked, answer] = [new Gate(), new Gate()];
    const server = http2.createServer(async ({ url }, response) => {
      if (url === "/slow") {
        asked.open();
        await answer.promise;
      }
      response.end(`answer to ${url}`);
    });
    const clock = new FakeClock();
    const site = await started(server, { clock, drainDelay: 5_000 });
    const [old, other] = [await opened(site.url), await opened(site.url)];
    const slow = old.get("/slow");
    await asked.promise;
    const stopped = site.host.stop();
    while (!old.goaways.length) await quiet();
    assert.equal([old.goaways, other.goaways], [[2 ** 31 - 1], []]);
    assert.is(await other.get("/"), "answer to /"); // it was idle, and hears it when it asks
    assert.equal(other.goaways, [2 ** 31 - 1]);
    const late = await opened(site.url); // a client that comes back
    assert.is(await late.get("/1"), "answer to /1");
    assert.is(await late.get("/2"), "answer to /2");
    assert.equal(late.goaways, []);
    await clock.advance(5_000);
    while (!late.goaways.length) await quiet();
    answer.open();
    assert.is(await slow, "answer to /slow");
    await stopped;
    assert.equal(old.goaways.filter((last) => last === 2 ** 31 - 1).length, 1);
  });

  /** What a client of HTTP/2 sends first, a request for `/`, and what tells it to go. */
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
  const ask = "\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a";
  const goaway = "\0\0\x08\x07\0\0\0\0\0";

  test("a stream that a client opens before it hears of the stop is served", async () => {
    const site = await started(http2.createServer((_, response) => response.end("ok")));
    const client = await Client.connect(site.url);
    client.send(preface);
    while (client.bytes < 9) await quiet(); // the server's settings have come
    const stopped = site.host.stop();
    await closed(site);
    client.send(ask);
    await client.receive(/ok/);
    await stopped;
    await client.closed;
  });

  test("a session is told to go once, and then that nothing more is taken", async () => {
    const clock = new FakeClock();
    const options = { clock, drainDelay: 5_000 };
    const site = await started(http2.createServer((_, response) => response.end("ok")), options);
    const client = await Client.connect(site.url);
    client.send(preface + ask);
    await client.receive(/ok/);
    while (site.requests()) await quiet();
    const stopped = site.host.stop();
    client.send(ask.replace("\x01\x82", "\x03\x82") + ask.replace("\x01\x82", "\x05\x82"));
    const text = await client.receive(/ok[^]*ok/);
    await clock.advance(5_000);
    await stopped;
    await client.closed;
    const frames = `${text}${client.received}`.split(goaway).slice(1);
    const told = frames.map((frame) => frame.slice(0, 4));
    assert.is(told.shift(), "\x7f\xff\xff\xff");
    assert.ok(told.length);
    assert.ok(told.every((last) => last === "\0\0\0\x05"), JSON.stringify(told));
  });

  test("streams are in flight that nobody takes for requests, and stay streams", async () => {
    const [asked, answer] = [new Gate(), new Gate()];
    const server = http2.createServer();
    server.on("stream", async (stream: http2.ServerHttp2Stream) => {
      asked.open();
      await answer.promise;
      stream.respond({ ":status": 200 });
      stream.end("ok");
    });
    const site = await started(server);
    assert.equal([server.listenerCount("stream"), server.listenerCount("request")], [1, 0]);
    const { get } = await opened(site.url);
    const text = get("/");
    await asked.promise;
    assert.is(site.requests(), 1);
    const stopped = new Fate(site.host.stop());
    await reached(site, "stop");
    for (let turns = 0; turns < 20; turns++) await quiet();
    assert.is(stopped.state, "pending");
    answer.open();
    assert.is(await text, "ok");
    while (stopped.state === "pending") await quiet();
    assert.is(stopped.state, "fulfilled");
  });

  test("a session whose other side has vanished holds nothing", async () => {
    const site = await started(http2.createServer((_, response) => response.end("ok")));
    const client = await Client.connect(site.url, { allowHalfOpen: true });
    client.send(preface); // and never more
    while (client.bytes < 9) await quiet(); // the server's settings have come
    await site.host.stop();
  });
}

// What is cut.

onNode("what is cut is named for what it was", async () => {
  const server = createServer(() => asked.open());
  const [asked, connected, upgraded, opened] = [new Gate(), new Gate(), new Gate(), new Gate()];
  const ignore = (socket: { on(event: "error", listener: () => void): unknown }): unknown =>
    socket.on("error", () => {});
  server.on("connect", (_, socket) => (ignore(socket), connected.open()));
  server.on("upgrade", ({ headers }, socket) => {
    ignore(socket);
    (headers.upgrade === "websocket" ? opened : upgraded).open();
  });
  const clock = new FakeClock();
  const site = await started(server, { clock });
  const clients = await Promise.all(Array.from({ length: 5 }, () => Client.connect(site.url)));
  clients[0]!.get("/");
  clients[1]!.send("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
  clients[2]!.get("/", "Upgrade: chat\r\nConnection: Upgrade\r\n");
  for (const client of clients.slice(3)) client.upgrade("/");
  await Promise.all([asked, connected, upgraded, opened].map(({ promise }) => promise));
  assert.is(site.requests(), 1);
  const stopped = rejection<RequestsCutError>(site.host.stop());
  await reached(site, "stop");
  await clock.advance(25_000);
  const error = await stopped;
  const { requests, sockets, tunnels, upgrades } = error;
  assert.equal([requests, sockets, tunnels, upgrades], [1, 2, 1, 1]);
  assert.is(
    error.message,
    'Cannot drain server "web": cut 1 request, 2 WebSockets, 1 tunnel and 1 upgrade ' +
      "still open after 25000 ms",
  );
  for (const client of clients) await client.closed;
});

onNode("a WebSocket over HTTP/2 is cut as one", async () => {
  const clock = new FakeClock();
  const server = http2.createServer({ settings: { enableConnectProtocol: true } });
  server.on("stream", (stream: http2.ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
  });
  const site = await started(server, { clock });
  const session = http2.connect(site.url);
  session.on("error", () => {});
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  const socket = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":path": "/",
    ":scheme": "http",
    ":authority": "test",
  });
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("response", resolve));
  assert.is(site.requests(), 0);
  const stopped = rejection<RequestsCutError>(site.host.stop());
  await reached(site, "stop");
  await clock.advance(25_000);
  const { requests, sockets } = await stopped;
  assert.equal([requests, sockets], [0, 1]);
  session.destroy();
});

onNode("the grace ends the patience, and nothing is told to be cut", async () => {
  const site = await started(createServer((_, response) => void response.end("ok")));
  const client = await Client.connect(site.url);
  client.get("/");
  await client.receive(ok);
  const grace = new AbortController();
  const stopped = new Fate(site.host.stop(grace.signal));
  await reached(site, "stop");
  grace.abort();
  for (let turns = 0; turns < 20; turns++) await quiet();
  assert.is(stopped.state, "fulfilled");
});

// What is left on the server.

onNode("nothing is left on a server, and what others have put there stays", async () => {
  const server = createServer((_, response) => void response.end("ok"));
  const kept = (): void => {};
  server.closeIdleConnections = kept;
  const site = await started(server);
  const ours = server.emit;
  server.emit = function (this: Server, ...args: [string]): boolean {
    return ours.apply(this, args);
  } as never; // as tools do that watch a server, too
  const theirs = server.emit;
  const client = await Client.connect(site.url);
  client.get("/");
  await client.receive(ok);
  await site.host.stop();
  assert.is(server.emit, theirs);
  assert.is(server.closeIdleConnections, kept);
  assert.equal(server.eventNames(), createServer(() => {}).eventNames());

  const other = createServer();
  await (await started(other)).host.stop();
  for (const name of ["emit", "closeIdleConnections"]) assert.not(Object.hasOwn(other, name));
});

// What is refused.

const applications: readonly (readonly [what: string, server: unknown, advice: RegExp])[] = [
  ["an application of Express", express(), /pass createServer\(app\) of node:http$/],
  ["an application of Hono", new Hono(), /pass createAdaptorServer\(\{ fetch: app\.fetch \}\)/],
  ["one of Koa", { callback() {}, listen() {}, on() {} }, /createServer\(app\.callback\(\)\)/],
  ["one of Fastify", { server: {}, listen() {}, close() {} }, /pass app\.server$/],
  ["one of Nest", { getHttpServer() {}, listen() {}, close() {} }, /pass app\.getHttpServer\(\)/],
];

for (const [what, server, advice] of applications) {
  test(`httpServer() says what to pass instead of ${what}`, async () => {
    const make = (given: unknown): unknown => httpServer("shop", { server: given as HttpServer });
    const { message } = thrown(() => make(server));
    assert.match(message, /^Cannot use service "shop"\.server: it is no server of Node: /);
    assert.match(message, advice);
    const host = createHost([httpServer("shop", { server: () => server as HttpServer })], {
      logger: false,
    });
    assert.match((await rejection(host.start())).message, advice);
  });
}

onNode(
  "connections with TLS over a Unix socket are told apart, though none has an address",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "runhost-"));
    const path = join(folder, "socket");
    const [asked, answers] = [new Gate(), new Gate()];
    const server = https.createServer({ cert, key }, async (_, response) => {
      asked.open();
      await answers.promise;
      response.end("ok");
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const host = createHost([httpServer("web", { server })], {
      logger: new Lines(),
      clock: new FakeClock(),
    });
    await host.start();
    const silent = await Client.connect(`http://localhost/?socket=${path}`); // never ends its handshake
    const client = await Client.connect(`https://localhost/?socket=${path}`);
    client.get("/");
    await asked.promise;

    const stopped = host.stop();
    await Promise.race([silent.closed, client.closed]); // the patience with who says nothing is over
    answers.open();
    await client.receive(ok);
    await stopped;
    rmSync(folder, { recursive: true });
  },
);

test("httpServer() says where a fetch handler goes", () => {
  const { message } = thrown(() => httpServer("shop", { fetch() {} } as never));
  assert.match(message, 'Cannot use service "shop".server: ');
  assert.match(message, "createAdaptorServer");
});

test("httpServer() refuses a port for a server that listens already", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", () => resolve(0)));
  const host = createHost([httpServer("web", { server, port: 0 })], { logger: false });
  assert.is(
    (await rejection(host.start())).message,
    'Cannot start service "web": its server listens already: ' +
      "leave out port, or do not call its listen()",
  );
  server.close();
});

test("httpServer() does not wait for ever for somebody else to make its server listen", async () => {
  const clock = new FakeClock();
  const server = createServer();
  const host = createHost([httpServer("web", { server })], { logger: false, clock });
  const started = rejection(host.start());
  await clock.advance(2_000);
  assert.is(
    (await started).message,
    'Cannot start service "web": nobody has made its server listen: ' +
      "give a port, or call its listen()",
  );
  assert.is(clock.pending, 0);
  assert.equal(server.eventNames(), createServer().eventNames());
});

test("httpServer() waits no longer when its start is cancelled", async () => {
  const clock = new FakeClock();
  const server = createServer();
  const host = createHost([httpServer("web", { server })], { logger: false, clock });
  const cancel = new AbortController();
  const started = rejection(host.start(cancel.signal));
  await quiet();
  cancel.abort(new Error("never mind"));
  assert.is((await started).message, "never mind");
  assert.is(clock.pending, 0);
  assert.equal(server.eventNames(), createServer().eventNames());
});

test.run();
