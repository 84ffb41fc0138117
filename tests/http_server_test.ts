import { createAdaptorServer } from "@hono/node-server";
import { serve as serveSrvx } from "srvx";
import { Hono } from "hono";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createHost, type Host, hostedService, type HostEvent, type HostOptions } from "../mod.ts";
import type { HostedService, Services } from "../mod.ts";
import { healthHandler } from "../src/health/mod.ts";
import type { HttpServerOptions as BunOptions } from "../src/runtime/bun.ts";
import type { HttpServerOptions as DenoOptions } from "../src/runtime/deno.ts";
import type { HttpServerOptions as NodeOptions } from "../src/runtime/node.ts";
import { afterEach } from "./_after_each.ts";
import { cert, key } from "./_certificate.ts";
import { Client } from "./_client.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";
import { entry, httpServer, runtime, web } from "./_servers.ts";

guard(test);
afterEach(test, () => Client.closeAll());

/** The graces that were over before the stop was. */
const overruns: unknown[] = [];
afterEach(test, () => assert.equal(overruns.splice(0), [], "a stop took all its time"));

interface CutError extends Error {
  readonly code: string;
  readonly service: string;
  readonly requests: number;
  readonly sockets: number;
  readonly elapsed: number;
}

interface Site {
  readonly host: Host;
  readonly lines: Lines;
  readonly events: HostEvent[];
  /** Where the servers listen, in order. */
  readonly urls: string[];
}

function site(services: Services, options: HostOptions = {}): Site {
  const lines = new Lines();
  const events: HostEvent[] = [];
  const urls: string[] = [];
  const onEvent = (event: HostEvent): void => {
    events.push(event);
    if (event.type === "serviceListening") urls.push(event.url);
    if (event.type === "graceEnded" && /The grace of/.test(`${event.reason}`)) overruns.push(event);
  };
  return {
    host: createHost(services, { logger: lines, onEvent, ...options }),
    lines,
    events,
    urls,
  };
}

/** A started host with one server, and a client that is connected. */
async function started(
  services: Services,
  options: HostOptions = {},
): Promise<Site & { readonly url: string; readonly client: Client }> {
  const it = site(services, options);
  await it.host.start();
  const url = it.urls[0]!;
  return { ...it, url, client: await Client.connect(url) };
}

/** Waits until the servers take nothing new. */
async function intakeClosed(events: readonly HostEvent[]): Promise<void> {
  while (!events.some((event) => event.type === "serviceDone" && event.phase === "stopping")) {
    await quiet();
  }
}

const ok = /\r\n\r\n(2\r\n)?ok/;
const stream = (start: (controller: ReadableStreamDefaultController) => void): Response =>
  new Response(new ReadableStream({ start }), { headers: { "content-type": "text/event-stream" } });
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("httpServer() has started when it listens, and tells where", async () => {
  const service = web(() => new Response("ok"));
  const { host, urls, lines } = site([service]);
  assert.is(service.details, undefined);
  await host.start();
  const [url = ""] = urls;
  assert.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d*\/$/);
  assert.equal(lines.all, [`info: Service "web": listening on ${url}`]);
  assert.equal(host.services[0]?.details, { url, requests: 0 });
  assert.is(await (await fetch(url)).text(), "ok");
  await host.stop();
  assert.is(service.details, undefined);
  assert.equal(lines.misuse, []);
  await rejection(Client.connect(url));
});

test("httpServer() on every address tells one that can be opened", async () => {
  const service = web(() => new Response("ok"), { hostname: "0.0.0.0" });
  const { host, urls } = site([service]);
  await host.start();
  assert.match(urls[0]!, /^http:\/\/localhost:\d+\/$/);
  await host.stop();
});

test("httpServer() names host and port when the port is in use", async () => {
  const first = await started([web(() => new Response("ok"))]);
  const port = Number(new URL(first.url).port);
  const { host, urls } = site([web(() => new Response("no"), { port })]);
  const error = await rejection<Error & { code: string }>(host.start());
  assert.is(
    error.message,
    `Cannot start service "web": port ${port} on 127.0.0.1 is in use: ` +
      "stop what listens there, or choose another port",
  );
  assert.is(error.code, "EADDRINUSE");
  assert.is((error.cause as { code: string }).code, "EADDRINUSE");
  assert.equal(urls, []);
  await first.host.stop();
});

test("httpServer() survives a logger that throws", async () => {
  const logger = new Lines();
  logger.info = () => {
    throw new Error("full");
  };
  const { host, client } = await started([web(() => new Response("ok"))], { logger });
  client.get("/");
  await client.receive(ok);
  await host.stop();
});

test("httpServer() answers 500 for a handler that throws, and lives on", async () => {
  const { host, client } = await started([
    web(({ url }) => {
      if (url.endsWith("/boom")) throw new Error("boom");
      return new Response("ok");
    }),
  ]);
  const error = console.error;
  console.error = () => {}; // the adapter of Hono tells it
  client.get("/boom");
  assert.match(await client.receive(/\r\n\r\n/), "HTTP/1.1 500");
  console.error = error;
  const second = await Client.connect(host.services[0]!.details!["url" as never]);
  second.get("/");
  await second.receive(ok);
  await host.stop();
});

test("httpServer() finishes what is in flight and takes nothing new", async () => {
  const [asked, answer] = [new Gate(), new Gate()];
  const { host, url, client, events } = await started([
    web(async () => {
      asked.open();
      await answer.promise;
      return new Response("ok");
    }),
  ]);
  client.get("/");
  await asked.promise;
  assert.is((host.services[0]?.details as { requests: number }).requests, 1);
  const stopped = host.stop();
  await intakeClosed(events);
  if (runtime === "deno") { // it could not cut any more
    const late = await Client.connect(url);
    late.get("/");
    assert.match(await late.receive(/stopping/), /^HTTP\/1\.1 503 [^]*\r\nconnection: close\r\n/i);
  } else {
    await rejection(Client.connect(url));
  }
  answer.open();
  assert.match(await client.receive(ok), /\r\nconnection: close\r\n/i);
  await stopped;
  await rejection(Client.connect(url));
});

test("httpServer() serves a request on a connection that was answered just before the stop", async () => {
  const { host, client, url } = await started([web(() => new Response("ok"))]);
  client.get("/");
  await client.receive(ok);
  const stopped = host.stop();
  client.get("/");
  assert.match(await client.receive(ok), /\r\nconnection: close\r\n/i);
  await stopped;
  await rejection(Client.connect(url));
});

test("httpServer() waits for an upload that is in flight, and answers it", async () => {
  const asked = new Gate();
  const { host, client, events } = await started([
    web(async (request) => {
      asked.open();
      return new Response(`stored ${(await request.arrayBuffer()).byteLength}`);
    }),
  ]);
  client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345");
  await asked.promise;
  const stopped = host.stop();
  await intakeClosed(events);
  client.send("67890");
  await client.receive(/stored 10/);
  await stopped;
});

test("httpServer() says Connection: close from the stop request on, serving through drainDelay", async () => {
  const clock = new FakeClock();
  const [asked, answer] = [new Gate(), new Gate()];
  const { host, url, client } = await started([
    web(async (request) => {
      if (request.url.endsWith("/slow")) {
        asked.open();
        await answer.promise;
      }
      return request.url.endsWith("/moved") ? Response.redirect("http://a/") : new Response("ok");
    }),
  ], { clock, drainDelay: 5_000 });
  client.get("/");
  assert.not.match(await client.receive(ok), /connection: close/i);
  client.get("/slow");
  await asked.promise;
  const stopped = host.stop();
  answer.open();
  assert.match(await client.receive(ok), /connection: close/i); // it began before the stop
  for (const path of ["/", "/moved"]) {
    const late = await Client.connect(url);
    late.get(path);
    assert.match(await late.receive(/\r\n\r\n/), /connection: close/i);
    late.close();
  }
  await clock.advance(5_000);
  await stopped;
  assert.is(clock.pending, 0);
});

test("httpServer() is not held by connections that wait", async () => {
  const { host, url, client } = await started([web(() => new Response("ok"))]);
  client.get("/");
  await client.receive(ok);
  await Client.connect(url); // and says nothing
  const partial = await Client.connect(url);
  partial.send("GET / HTTP/1.1\r\nHost:");
  client.get("/"); // by its answer the others have been accepted
  await client.receive(ok);
  await host.stop();
  await client.closed;
});

test("httpServer() is held by what is in flight alone", async () => {
  const [asked, answer] = [new Gate(), new Gate()];
  const { host, url, client } = await started([
    web(async ({ url }) => {
      if (url.endsWith("/slow")) {
        asked.open();
        await answer.promise;
      }
      return new Response("ok");
    }),
  ], { shutdownTimeout: 5_000 }); // less than the 10 s after which Bun gives half a request up
  const idle = await Client.connect(url);
  idle.get("/");
  await idle.receive(ok);
  await Client.connect(url); // and says nothing
  (await Client.connect(url)).send("GET / HTTP/1.1\r\nHost:");
  client.get("/slow"); // by its arrival the others have been accepted
  await asked.promise;
  const stopped = host.stop();
  answer.open();
  await client.receive(ok);
  await stopped;
  await idle.closed;
});

test("httpServer() answers a busy connection once more, and is not held by it", async () => {
  const [asked, answer] = [new Gate(), new Gate()];
  const { host, client } = await started([
    web(() =>
      stream(async (controller) => { // its head is sent long before the stop
        controller.enqueue(bytes("ok"));
        asked.open();
        await answer.promise;
        controller.close();
      })
    ),
  ]);
  client.get("/");
  await client.receive(/ok/);
  const stopped = host.stop();
  client.get("/"); // behind the first
  answer.open();
  await stopped;
  await client.closed;
});

test("httpServer() waits for an event stream that ends when the host stops", async () => {
  const { host, client } = await started([(context) =>
    web(() =>
      stream((controller) => {
        controller.enqueue(bytes("data: 1\n\n"));
        context.lifetime.closing.addEventListener("abort", () => {
          controller.enqueue(bytes("data: bye\n\n"));
          controller.close();
        });
      })
    )]);
  client.get("/");
  await client.receive(/data: 1/);
  await host.stop();
  await client.receive(/data: bye/);
  await client.closed;
});

/** Ends the grace once the request is in flight; what the stop rejects with. */
async function cutShort(
  service: HostedService,
  ask: (client: Client) => unknown,
): Promise<CutError> {
  const { host, client, events } = await started([service]);
  await ask(client);
  const grace = new AbortController();
  const stopped = rejection<CutError>(host.stop(grace.signal));
  while (events.at(-1)?.type !== "serviceBegan") await Promise.resolve();
  grace.abort();
  const error = await stopped;
  assert.is(error.code, "ERR_REQUESTS_CUT");
  assert.instance(error, entry.RequestsCutError);
  assert.is(error.service, "web");
  assert.type(error.elapsed, "number");
  return error;
}

test("httpServer() cuts an event stream that does not end", async () => {
  const service = web(() => stream((controller) => controller.enqueue(bytes("data: 1\n\n"))));
  const error = await cutShort(service, async (client) => {
    client.get("/");
    await client.receive(/data: 1/);
  });
  assert.is(error.requests, 1);
  assert.is(error.sockets, 0);
  assert.match(error.message, /^Cannot drain server "web": cut 1 request still open after \d+ ms$/);
});

test("httpServer() cuts handlers that never answer, and says how many", async () => {
  const [asked, both] = [new Gate(), new Gate()];
  const service = web(() => {
    (service.details as { requests: number }).requests === 2 ? both.open() : asked.open();
    return hang();
  });
  const error = await cutShort(service, async (client) => {
    client.get("/");
    await asked.promise;
    const { url } = service.details as { url: string };
    (await Client.connect(url)).get("/");
    await both.promise;
  });
  assert.is(error.requests, 2);
  assert.match(error.message, "cut 2 requests still open");
});

/** A server that speaks TLS. */
async function secure(fetch: () => Response | Promise<Response>): Promise<HostedService> {
  const where = { port: 0, hostname: "127.0.0.1" };
  if (runtime !== "node") {
    const serve = { ...where, ...runtime === "bun" ? { tls: { cert, key } } : { cert, key } };
    return web(fetch, { serve });
  }
  const { createServer } = await import("node:https");
  const server = createAdaptorServer({ fetch, createServer, serverOptions: { cert, key } });
  return httpServer("web", { ...where, server });
}

test("httpServer() speaks TLS, and is not held by who does not (but on Deno)", async () => {
  const { host, url, client } = await started([await secure(() => new Response("ok"))]);
  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+\/$/);
  if (runtime !== "deno") await Client.connect(url.replace("https", "http")); // and says nothing
  client.get("/"); // by its answer the other has been accepted
  await client.receive(ok);
  await host.stop();
  await client.closed;
});

test("httpServer() cuts what is in flight over TLS, and nothing else", async () => {
  const asked = new Gate();
  const service = await secure(() => (asked.open(), hang()));
  const error = await cutShort(service, async (client) => {
    const { url } = service.details as { url: string };
    await Client.connect(url.replace("https", "http")); // and says nothing
    client.get("/");
    await asked.promise;
  });
  assert.is(error.requests, 1);
  assert.is(error.sockets, 0);
});

interface Closable {
  close(code: number): void;
}

/** A server that makes WebSockets of all requests. */
async function sockets(opened: (socket: Closable) => void): Promise<HostedService> {
  if (runtime === "node") {
    const { createServer } = await import("node:http");
    const server = createServer();
    server.on("upgrade", (_request, connection) => {
      connection.on("error", () => {}).resume(); // the close follows
      connection.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
      opened({ close: (code) => connection.end(new Uint8Array([0x88, 2, code >> 8, code & 255])) });
    });
    return httpServer("web", { server, port: 0, hostname: "127.0.0.1" });
  }
  if (runtime === "bun") {
    const fetch = (request: Request, server: { upgrade(request: Request): boolean }): unknown =>
      server.upgrade(request) ? undefined : new Response(null, { status: 400 });
    return web(fetch as never, { serve: { websocket: { open: opened, message() {} } } });
  }
  const { Deno } = globalThis as unknown as {
    Deno: { upgradeWebSocket(request: Request): { socket: WebSocket; response: Response } };
  };
  return web((request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => opened(socket);
    socket.onerror = () => {};
    return response;
  });
}

test("httpServer() waits for WebSockets that are closed when the host stops", async () => {
  const opened = new Gate();
  let socket: Closable | undefined;
  const service = await sockets((it) => {
    socket = it;
    opened.open();
  });
  const { host, client } = await started([service]);
  client.upgrade("/");
  await client.receive(/101 [^]*\r\n\r\n/);
  await opened.promise;
  host.lifetime.closing.addEventListener("abort", () => socket!.close(1001));
  const stopped = host.stop();
  assert.match(await client.receive(/\xe9/), "\x03\xe9"); // closed: 1001
  client.send("\x88\x82\0\0\0\0\x03\xe9"); // the answer to it
  await stopped;
  await client.closed;
});

test("httpServer() cuts WebSockets that are not closed", async () => {
  const opened = new Gate();
  const service = await sockets(opened.open);
  const open = async (client: Client): Promise<void> => {
    client.upgrade("/");
    await client.receive(/101 [^]*\r\n\r\n/);
    await opened.promise;
  };
  if (runtime === "deno") { // which does it itself, and tells nobody
    const { host, client } = await started([service]);
    await open(client);
    await host.stop();
    return await client.closed;
  }
  const error = await cutShort(service, open);
  assert.is(error.requests, 0);
  assert.is(error.sockets, 1);
  assert.match(error.message, "cut 1 WebSocket still open");
});

test("httpServer() brings a slow client its whole answer", async () => {
  const asked = new Gate();
  const large = new Uint8Array(1 << 26); // more than fits the buffers on the way
  const { host, client, events } = await started([
    web(() => {
      asked.open();
      return new Response(large);
    }),
  ]);
  client.pause();
  client.get("/");
  await asked.promise;
  for (let turns = 0; turns < 20; turns++) await quiet();
  const stopped = host.stop();
  await intakeClosed(events);
  assert.ok(await client.discard() > large.length);
  await stopped;
});

test("httpServer() cuts a client that never reads", async () => {
  const asked = new Gate();
  const block = new Uint8Array(1 << 20);
  const service = web(() => {
    let count = 0;
    const pull = (controller: ReadableStreamDefaultController): void => {
      controller.enqueue(block);
      if (++count === 2) asked.open();
    };
    return new Response(new ReadableStream({ pull }));
  });
  const error = await cutShort(service, async (client) => {
    client.pause();
    client.get("/");
    await asked.promise;
  });
  assert.is(error.requests, 1);
});

test("httpServer() cuts a client that does not read on, or is given up with it", async () => {
  const asked = new Gate();
  const service = web(() => {
    asked.open();
    return new Response(new Uint8Array(1 << 26));
  });
  const { host, client } = await started([service], { abandonTimeout: 20 });
  client.pause();
  client.get("/");
  await asked.promise;
  // Deno takes it for answered, and cannot cut it any more.
  while (runtime === "deno" && (service.details as { requests: number }).requests) await quiet();
  const grace = new AbortController();
  const stopped = rejection<CutError>(host.stop(grace.signal));
  await quiet();
  grace.abort();
  const { code } = await stopped;
  assert.is(code, runtime === "deno" ? "ERR_SERVICE_TIMEOUT" : "ERR_REQUESTS_CUT");
});

test("httpServer() cuts a request whose body never ends", async () => {
  const asked = new Gate();
  const service = web(async (request) => {
    asked.open();
    return new Response(await request.text());
  });
  const error = await cutShort(service, async (client) => {
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nabc");
    await asked.promise;
  });
  assert.is(error.requests, 1);
});

test("httpServer() needs no grace when nothing is in flight", async () => {
  for (const forced of [false, true]) {
    const { host, client } = await started([web(() => new Response("ok"))]);
    client.get("/");
    await client.receive(ok);
    const stopped = host.stop(forced ? undefined : AbortSignal.abort());
    if (forced) host.abort();
    await stopped;
    await client.closed;
  }
});

test("httpServer() cuts at its own stopTimeout", async () => {
  const asked = new Gate();
  const { host, client } = await started([
    web(() => {
      asked.open();
      return hang();
    }, { stopTimeout: 20 }),
  ]);
  client.get("/");
  await asked.promise;
  const error = await rejection<CutError>(host.stop());
  assert.is(error.requests, 1);
  assert.ok(error.elapsed >= 15);
  await client.closed;
});

test("httpServer() cuts at once when the host is aborted", async () => {
  const asked = new Gate();
  const { host, client, events } = await started([
    web(() => {
      asked.open();
      return hang();
    }),
  ]);
  client.get("/");
  await asked.promise;
  const stopped = rejection<CutError>(host.stop());
  host.abort();
  assert.is((await stopped).requests, 1);
  assert.not(events.some(({ type }) => type === "serviceAbandoned"));
  await client.closed;
});

test("httpServer() that has started is closed when another's start is cancelled", async () => {
  const reached = new Gate();
  const hanging = hostedService("hanging", {
    start: (signal) => {
      reached.open();
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
    },
  });
  const { host, urls } = site([web(() => new Response("ok")), hanging]);
  const start = rejection(host.start());
  await reached.promise;
  await host.stop();
  await start;
  await rejection(Client.connect(urls[0]!));
});

test("httpServer() closes what it opened when its own start is cancelled", async () => {
  const service = web(() => new Response("ok"));
  const controller = new AbortController();
  const { host, events } = site([
    hostedService("before", { start: () => queueMicrotask(() => controller.abort("never mind")) }),
    service,
  ]);
  assert.is(await rejection(host.start(controller.signal)), "never mind");
  const listening = events.filter(({ type }) => type === "serviceListening");
  assert.is(service.details, undefined);
  assert.is(listening.length, 0);
});

test("httpServer() may be there twice", async () => {
  const { host, urls } = site([
    web(() => new Response("one"), {}, "one"),
    web(() => new Response("two"), {}, "two"),
  ]);
  await host.start();
  const answers = await Promise.all(urls.map(async (url) => (await fetch(url)).text()));
  assert.equal(answers, ["one", "two"]);
  await host.stop();
});

test("httpServer() can be started again by another host", async () => {
  const service = web(() => new Response("ok"));
  for (let round = 0; round < 2; round++) {
    const { host, url, client } = await started([service]);
    client.get("/");
    await client.receive(ok);
    await host.stop();
    await rejection(Client.connect(url));
  }
});

test("httpServer() serves a server of srvx, and leaves it as it was", async () => {
  const server = serveSrvx({
    fetch: () => new Response("ok"),
    port: 0,
    hostname: "127.0.0.1",
    manual: true,
    gracefulShutdown: false,
    silent: true,
  });
  const before = { ...server };
  const options = { server } satisfies NodeOptions & DenoOptions & BunOptions;
  const { host, url, client } = await started([httpServer("web", options)]);
  assert.match(url, /^http:\/\/127\.0\.0\.1:[1-9]/);
  client.get("/");
  await client.receive(ok);
  await host.stop();
  await client.closed;
  for (const key of ["fetch", "serveOptions"] as const) {
    assert.is(server[key as "fetch"], before[key as "fetch"]);
  }
  await rejection(Client.connect(url));
});

test("httpServer() waits for the work that handlers of srvx hand over", async () => {
  const done = new Gate();
  const server = serveSrvx({
    fetch: (request) => {
      request.waitUntil!(done.promise);
      return new Response("ok");
    },
    port: 0,
    hostname: "127.0.0.1",
    manual: true,
    gracefulShutdown: false,
    silent: true,
  });
  const { host, client, events } = await started([httpServer("web", { server })]);
  client.get("/");
  await client.receive(ok);
  const stopped = host.stop();
  while (!events.some((event) => event.type === "serviceDone" && event.phase === "stop")) {
    await quiet();
  }
  assert.is(host.state, "stopping");
  done.open();
  await stopped;
  const work = events.filter((event) => "phase" in event && event.phase === "waitUntil");
  assert.equal(work.map(({ type }) => type), ["serviceBegan", "serviceDone"]);
});

test("httpServer() tells what the closing of a server fails with", async () => {
  const error = new Error("broken");
  const server = serveSrvx({
    fetch: () => new Response("ok"),
    port: 0,
    hostname: "127.0.0.1",
    manual: true,
    gracefulShutdown: false,
    silent: true,
  });
  server.close = () => {
    throw error;
  };
  const stopping = new Gate();
  const slow = hostedService("slow", { stop: () => stopping.promise }); // it fails long before `stop`
  const { host, events } = await started([httpServer("web", { server }), slow]);
  const stopped = rejection(host.stop());
  while (!events.some((event) => event.type === "serviceBegan" && event.phase === "stop")) {
    await quiet();
  }
  for (let turns = 0; turns < 20; turns++) await quiet();
  stopping.open();
  assert.is(await stopped, error);
});

test("httpServer() cuts a server of srvx", async () => {
  const asked = new Gate();
  const server = serveSrvx({
    fetch: () => {
      asked.open();
      return hang();
    },
    port: 0,
    hostname: "127.0.0.1",
    manual: true,
    gracefulShutdown: false,
    silent: true,
  });
  const error = await cutShort(httpServer("web", { server }), async (client) => {
    client.get("/");
    await asked.promise;
  });
  assert.is(error.requests, 1);
});

/** What a server answers with, in whatever option it is given. */
const answering = (): object => {
  const fetch = (): Response => new Response("ok");
  return runtime === "node" ? { server: createAdaptorServer({ fetch }) } : { fetch };
};

const bad: readonly (readonly [options: object, message: string | RegExp])[] = [
  [{ port: "80" }, '.port: expected number, got string "80"'],
  [{ port: -1 }, ".port: -1 is not 0 or more"],
  [{ port: NaN }, ".port: NaN is not 0 or more"],
  [{ port: 80.5 }, ".port: 80.5 is no whole number from 0 to 65535"],
  [{ port: 65_536 }, ".port: 65536 is no whole number from 0 to 65535"],
  [{ port: Infinity }, ".port: Infinity is no whole number from 0 to 65535"],
  [{ port: null }, ".port: expected number, got null"],
  [{ hostname: 1 }, ".hostname: expected string, got number 1"],
  [{ hostname: "http://a" }, '.hostname: "http://a" is no name or address alone'],
  [{ hostname: "localhost:80" }, '.hostname: "localhost:80" is no name or address alone'],
  [{ hostname: "[::1]" }, '.hostname: "[::1]" is no name or address alone'],
  [{ stopTimeout: NaN }, ".stopTimeout: NaN is not 0 or more"],
  [{ health: 1 }, ".health: expected function, got number 1"],
  [{ stopped: {} }, ".stopped: expected function, got object"],
];

for (const [options, message] of bad) {
  const [[name, value] = []] = Object.entries(options);
  test(`httpServer() refuses ${name}: ${JSON.stringify(value)}, and names service and option`, () => {
    const error = thrown(() => httpServer("shop", { ...answering(), ...options }));
    assert.match(error.message, `Cannot use service "shop"${message}`);
    assert.ok(error instanceof TypeError || error instanceof RangeError);
  });
}

test("httpServer() says what is missing, by the name of the service", () => {
  for (const options of [undefined, null, "web", () => {}]) {
    const { message } = thrown(() => httpServer("shop", options as never));
    assert.match(message, /^Cannot use service "shop": expected object, got /);
  }
  const missing = runtime === "node" ? "server" : "fetch";
  const { message } = thrown(() => httpServer("shop", { port: 0 }));
  assert.match(message, `Cannot use service "shop".${missing}: expected `);
  const nameless = thrown(() => httpServer(undefined as never, answering()));
  assert.match(
    nameless.message,
    "Cannot use the name of a service: expected string, got undefined",
  );
});

test("httpServer() warns of an option whose name differs in case only", () => {
  const { warn } = console;
  const lines: string[] = [];
  console.warn = (line: string) => void lines.push(line);
  try {
    for (const name of ["hostName", "stopTimeOut", "HoldsReady"]) {
      httpServer("misspelt", { ...answering(), [name]: undefined });
    }
    httpServer("misspelt", { ...answering(), port: 0, hostname: "", health() {} });
  } finally {
    console.warn = warn;
  }
  const right = ["hostname", "stopTimeout", "holdsReady"];
  assert.is(lines.length, right.length);
  for (const [index, name] of right.entries()) {
    assert.match(lines[index]!, `Cannot use service "misspelt": there is no `);
    assert.match(lines[index]!, `did you mean "${name}"`);
  }
});

for (const hostname of ["nowhere.invalid", "203.0.113.7"]) {
  test(`httpServer() names service and address when it cannot listen on ${hostname}`, async () => {
    const { host } = site([httpServer("shop", { ...answering(), port: 0, hostname })]);
    const error = await rejection(host.start());
    assert.match(
      error.message,
      `Cannot start service "shop": port 0 on ${hostname} cannot be had (`,
    );
    assert.match(error.message, "leave out hostname");
    assert.instance(error.cause, Error);
  });
}

test("httpServer() takes every hook: they enclose its own", async () => {
  const seen: string[] = [];
  let url = "";
  let client: Client | undefined;
  const open = async (): Promise<boolean> => {
    const connection = url && await Client.connect(url).catch(() => undefined);
    if (connection) connection.close();
    return !!connection;
  };
  const hook = (name: string) => async (): Promise<void> => {
    seen.push(`${name} ${await open() ? "open" : "shut"}`);
  };
  const service = httpServer("web", {
    ...answering(),
    port: 0,
    hostname: "127.0.0.1",
    starting: hook("starting"),
    start: hook("start"),
    async started() {
      ({ url } = service.details as { url: string });
      client = await Client.connect(url);
      await hook("started")();
    },
    stopping: hook("stopping"),
    stop: hook("stop"),
    stopped: hook("stopped"),
  });
  const { host } = site([service]);
  await host.start();
  client!.get("/");
  await client!.receive(ok);
  await host.stop();
  assert.equal(seen, [
    "starting shut",
    "start shut",
    "started open",
    "stopping shut",
    "stop shut",
    "stopped shut",
  ]);
});

test("httpServer() has the health, readiness and heartbeat that it is given", async () => {
  let fine = false;
  const clock = new FakeClock();
  const service = httpServer("web", {
    ...answering(),
    port: 0,
    hostname: "127.0.0.1",
    holdsReady: true,
    heartbeat: 10_000,
    health: () => fine,
    started: (_: unknown, { ready }: { ready(): void }) => void (fine && ready()),
    backgroundServiceExceptionBehavior: "ignore",
  });
  const { host } = site([service], { clock });
  const handle = healthHandler(host);
  const status = async (path: string): Promise<number> =>
    (await handle(new Request(`http://localhost${path}`))).status;
  assert.is(service.backgroundServiceExceptionBehavior, "ignore");
  await host.start();
  assert.equal([await status("/readyz"), await status("/livez")], [503, 200]);
  await clock.advance(20_000);
  assert.is(await status("/livez"), 503, "nobody has beaten");
  await host.stop();

  fine = true;
  const again = site([service]);
  await again.host.start();
  assert.is((await healthHandler(again.host)(new Request("http://localhost/readyz"))).status, 200);
  await again.host.stop();
});

if (runtime !== "node") {
  test("httpServer() gives Hono its env and an execution context", async () => {
    const [handed, done] = [new Gate(), new Gate()];
    const app = new Hono();
    app.get("/", (c) => {
      c.executionCtx.waitUntil(done.promise);
      handed.open();
      const known = runtime === "deno" ? "remoteAddr" : "requestIP";
      return c.text(known in (c.env as object) ? "ok" : "no env");
    });
    const { fetch } = app satisfies DenoOptions & BunOptions;
    const { host, client, events } = await started([web(fetch as never)]);
    client.get("/");
    await client.receive(ok);
    await handed.promise;
    const stopped = host.stop();
    done.open();
    await stopped;
    const work = events.filter((event) => "phase" in event && event.phase === "waitUntil");
    assert.equal(work.map(({ type }) => type), ["serviceBegan", "serviceDone"]);
  });
}

// What only Node has.

if (runtime === "node") {
  const { createServer } = await import("node:http");
  const http2 = await import("node:http2");
  const https = await import("node:https");
  const { serve } = await import("@hono/node-server");

  const listenersOf = (server: import("node:events").EventEmitter): string[] =>
    server.eventNames().flatMap((name) => server.listeners(name).map(() => String(name))).sort();

  test("httpServer() leaves nothing on a server that it was given", async () => {
    const server = createServer((_request, response) => response.end("ok"));
    const before = listenersOf(server);
    const { host, client } = await started([
      httpServer("web", { server, port: 0, hostname: "127.0.0.1" }),
    ]);
    client.get("/");
    await client.receive(ok);
    await host.stop();
    assert.equal(listenersOf(server), before);

    const rival = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => rival.once("listening", resolve));
    const { port } = rival.address() as { port: number };
    const failing = site([httpServer("web", { server, port, hostname: "127.0.0.1" })]);
    await rejection(failing.host.start());
    assert.equal(listenersOf(server), before);
    rival.close();

    const again = await started([httpServer("web", { server, port: 0, hostname: "127.0.0.1" })]);
    server.removeAllListeners("request").on("request", () => {});
    again.client.get("/"); // and is cut
    await again.host.stop(AbortSignal.abort()).catch(() => {});
    while (server.listenerCount("close")) await quiet(); // Node's own
    assert.equal(listenersOf(server), before);
  });

  for (const made of ["listening", "about to listen"]) {
    test(`httpServer() waits for what serve() of Hono made (${made})`, async () => {
      const app = new Hono().get("/", (c) => c.text("ok"));
      const hostname = made === "listening" ? "127.0.0.1" : "localhost";
      const server = serve({ fetch: app.fetch, port: 0, hostname });
      if (made === "listening") {
        await new Promise((resolve) => server.once("listening", () => resolve(0)));
      }
      const { host, client } = await started([httpServer("web", { server })]);
      client.get("/");
      await client.receive(ok);
      await host.stop();
      await client.closed;
      assert.not(server.listening);
    });
  }

  test("httpServer() waits for what was upgraded over TLS, and cuts it", async () => {
    const server = https.createServer({ cert, key });
    server.on("upgrade", (_request, connection) => {
      connection.on("error", () => {}); // the close follows
      connection.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
    });
    const service = httpServer("web", { server, port: 0, hostname: "127.0.0.1" });
    const error = await cutShort(service, async (client) => {
      client.upgrade("/");
      await client.receive(/101 [^]*\r\n\r\n/);
    });
    assert.is(error.requests, 0);
    assert.is(error.sockets, 1);
  });

  test("httpServer() is not held by requests behind one that was given up", async () => {
    const [asked, gone] = [new Gate(), new Gate()];
    let count = 0;
    const server = createServer((_request, response) => {
      if (++count === 3) asked.open();
      response.on("close", gone.open);
    });
    const { host, client } = await started([
      httpServer("web", { server, port: 0, hostname: "127.0.0.1" }),
    ]);
    for (let sent = 0; sent < 3; sent++) client.get("/");
    await asked.promise;
    client.close();
    await gone.promise;
    await host.stop();
  });

  test("httpServer() drains HTTP/2", async () => {
    const [asked, answer] = [new Gate(), new Gate()];
    const server = http2.createServer(async (request, response) => {
      if (request.url === "/slow") {
        asked.open();
        await answer.promise;
      }
      response.end("ok");
    });
    const { host, urls } = site([httpServer("web", { server, port: 0, hostname: "127.0.0.1" })]);
    await host.start();
    const session = http2.connect(urls[0]!);
    const closed = new Promise((resolve) => session.once("close", resolve));
    const get = async (path: string): Promise<string> => {
      let body = "";
      for await (const chunk of session.request({ ":path": path })) body += chunk;
      return body;
    };
    assert.is(await get("/"), "ok");
    const slow = get("/slow");
    await asked.promise;
    const stopped = host.stop();
    answer.open();
    assert.is(await slow, "ok");
    await stopped;
    await closed;
  });

  test("httpServer() reports an error of a server that listens", async () => {
    const server = createServer();
    const { host, client } = await started([
      httpServer("web", { server, port: 0, hostname: "127.0.0.1" }),
    ]);
    client.close();
    const error = new Error("broken");
    server.emit("error", error);
    assert.is(await rejection(host.run()), error);
  });

  test("httpServer() takes a function that makes the server", async () => {
    const seen: string[] = [];
    const { host, client } = await started([httpServer("web", {
      server: ({ name }: { name: string }) => {
        seen.push(name);
        return createAdaptorServer({ fetch: () => new Response("ok") });
      },
      port: 0,
      hostname: "127.0.0.1",
    })]);
    client.get("/");
    await client.receive(ok);
    await host.stop();
    assert.equal(seen, ["web"]);
  });
}

// The server for probes.

const { probeServer } = entry;
const probes = { port: 0, hostname: "127.0.0.1" };

test("probeServer() answers before any service starts and until all have stopped", async () => {
  const [starting, stopping] = [new Gate(), new Gate()];
  const [begun, ending] = [new Gate(), new Gate()];
  const slow = hostedService("slow", {
    start: () => (begun.open(), starting.promise),
    stop: () => (ending.open(), stopping.promise),
  });
  const { host, urls, lines } = site([slow, probeServer("probes", probes)]);
  const status = async (path: string): Promise<number> => {
    const response = await fetch(new URL(path, urls[0]));
    assert.is(response.headers.get("connection")?.toLowerCase(), "close");
    await response.body?.cancel();
    return response.status;
  };
  const start = host.start();
  await begun.promise;
  assert.equal(lines.all, [`info: Service "probes": listening on ${urls[0]}`]);
  assert.equal([await status("/livez"), await status("/readyz")], [200, 503]);
  starting.open();
  await start;
  assert.equal([await status("/livez"), await status("/readyz")], [200, 200]);
  assert.is(await status("/other"), 404);
  const stop = host.stop();
  await ending.promise;
  assert.equal([await status("/livez"), await status("/readyz")], [200, 503]);
  await Client.connect(urls[0]!); // and says nothing
  stopping.open();
  await stop;
  await rejection(Client.connect(urls[0]!));
});

test("probeServer() takes the settings and hooks of every service", async () => {
  const log: string[] = [];
  const service = probeServer("probes", {
    ...probes,
    health: () => false,
    starting: () => log.push("starting"),
    start: () => log.push("start"),
    stopped: () => log.push("stopped"),
  });
  const { host, url } = await started([service]);
  const ready = await fetch(new URL("/readyz", url));
  assert.is(ready.status, 503);
  await ready.body?.cancel();
  await host.stop();
  assert.equal(log, ["starting", "start", "stopped"]);
});

test("probeServer() refuses what is no probe, and bad requests", async () => {
  const { host, client, url } = await started([probeServer("probes", probes)]);
  client.send("TRACE /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(await client.receive(/\r\n\r\n/), /^HTTP\/1\.1 4/);
  const second = await Client.connect(url);
  second.send("DELETE /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(await second.receive(/\r\n\r\n/), "HTTP/1.1 405");
  const third = await Client.connect(url);
  third.send("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(await third.receive(/\r\n\r\n/), "HTTP/1.1 200");
  await host.stop();
});

for (const when of ["starting", "start"] as const) {
  for (const place of ["before", "after"]) {
    test(`probeServer() is closed when the ${when} of a service ${place} it fails`, async () => {
      const boom = new Error("boom");
      const failing = hostedService("failing", {
        [when]: () => {
          throw boom;
        },
      });
      const server = probeServer("probes", probes);
      const { host, urls } = site(place === "before" ? [failing, server] : [server, failing]);
      assert.is(await rejection(host.start()), boom);
      for (const url of urls) await rejection(Client.connect(url));
      assert.is(urls.length, when === "starting" && place === "before" ? 0 : 1);
    });
  }
}

test("probeServer() is closed when the start is cancelled", async () => {
  const controller = new AbortController();
  const service = probeServer("probes", probes);
  const { host } = site([service]);
  const start = host.start(controller.signal);
  queueMicrotask(() => controller.abort("never mind"));
  assert.is(await rejection(start), "never mind");
  assert.is(service.details, undefined);
});

test("probeServer() refuses options that are missing or wrong, and names them", () => {
  const make = (options?: unknown, name: unknown = "probes"): unknown =>
    probeServer(name as string, options as typeof probes);
  for (
    const [options, message] of [
      [undefined, 'Cannot use service "probes": expected object, got undefined'],
      [{}, 'Cannot use service "probes".port: expected number, got undefined'],
      [{ hostname: "::1" }, 'Cannot use service "probes".port: expected number, got undefined'],
      [{ port: "80" }, 'Cannot use service "probes".port: expected number, got string "80"'],
      [{ port: 70_000 }, 'Cannot use service "probes".port: 70000 is no whole number from 0 to'],
      [{ port: 0, hostname: "a/b" }, 'Cannot use service "probes".hostname: "a/b" is no name'],
    ] as const
  ) {
    assert.match(thrown(() => make(options)).message, message);
  }
  const named = "Cannot use the name of a service: expected string, got object Object";
  assert.is(thrown(() => make(undefined, probes)).message, named);
});

test("probeServer() says that its port is in use", async () => {
  const first = await started([probeServer("one", probes)]);
  const port = Number(new URL(first.url).port);
  const error = await rejection(site([probeServer("probes", { ...probes, port })]).host.start());
  assert.match(error.message, `Cannot start service "probes": port ${port} on 127.0.0.1 is in use`);
  await first.host.stop();
});

test.run();
