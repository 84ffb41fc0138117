/** The fetch handlers mounted in Express and Fastify, whose servers the host drains. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
// @ts-types="npm:@types/express@^5.0.6"
import express from "express";
import Fastify from "fastify";
import { toNodeHandler } from "srvx/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { healthHandler } from "../src/health/mod.ts";
import {
  createHost,
  type Host,
  type HostedService,
  hostedService,
  type HostEvent,
  type HostOptions,
  httpServer,
  type RequestsCutError,
} from "../src/runtime/node.ts";
import { afterEach } from "./_after_each.ts";
import { Client } from "./_client.ts";
import { FakeClock, quiet } from "../src/testing/mod.ts";
import { rejection } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";

guard(test);
afterEach(test, () => Client.closeAll());

type Fetch = (request: Request) => Promise<Response>;
type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** How a fetch handler becomes a listener of Node. */
const adapters: Readonly<Record<string, (fetch: Fetch) => Listener>> = {
  "@hono/node-server": (fetch) => getRequestListener(fetch, { overrideGlobalObjects: false }),
  srvx: (fetch) => toNodeHandler(fetch) as Listener,
  "a few lines": (fetch) => async ({ url = "", headers: { accept = "*/*" } }, response) => {
    const answer = await fetch(new Request(`http://localhost${url}`, { headers: { accept } }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(await answer.text());
  },
};

/** What an application is made of. */
interface Parts {
  /** For `/livez` and so on, at the root and under `/internal`. */
  readonly health: Listener;
  /** Opens when somebody has asked for `/slow`, which is answered when the other one opens. */
  readonly asked: Gate;
  readonly answer: Gate;
}

const paths = ["/livez", "/readyz", "/startupz"];
const where = { port: 0, hostname: "127.0.0.1" };

/** An application in each framework, as its services. */
const frameworks: Readonly<Record<string, (parts: Parts) => HostedService[]>> = {
  Express({ health, asked, answer }) {
    const app = express();
    app.get(paths, health);
    app.use("/internal", health); // is given what follows the prefix
    app.get("/slow", async (_request, response) => {
      asked.open();
      await answer.promise;
      response.send("done");
    });
    return [httpServer("web", { server: createServer(app), ...where })];
  },

  Fastify({ health, asked, answer }) {
    const app = Fastify();
    for (const path of paths.flatMap((it) => [it, `/internal${it}`])) {
      app.get(path, (request, reply) => {
        reply.hijack();
        return health(request.raw, reply.raw);
      });
    }
    app.get("/slow", async () => {
      asked.open();
      await answer.promise;
      return "done";
    });
    return [
      hostedService("fastify", { start: () => app.ready(), stop: () => app.close() }),
      httpServer("web", { server: app.server, ...where }),
    ];
  },
};

/** A started application. */
interface Site extends Omit<Parts, "health"> {
  readonly host: Host;
  readonly clock: FakeClock;
  readonly url: string;
  readonly events: readonly HostEvent[];
  /** What is wrong with it, for its health check. */
  wrong: Error | undefined;
}

async function site(framework: string, adapter: string, options: HostOptions = {}): Promise<Site> {
  const parts: Parts = {
    health: (request, response) => listener(request, response),
    asked: new Gate(),
    answer: new Gate(),
  };
  const db = hostedService("db", {
    health: () => {
      if (it.wrong) throw it.wrong;
    },
  });
  let url = "";
  const events: HostEvent[] = [];
  const clock = new FakeClock();
  const host = createHost([db, ...frameworks[framework]!(parts)], {
    clock,
    logger: new Lines(),
    onEvent(event) {
      events.push(event);
      if (event.type === "serviceListening") url = event.url;
    },
    ...options,
  });
  const listener = adapters[adapter]!(healthHandler(host));
  await host.start();
  const it: Site = { ...parts, host, clock, url, events, wrong: undefined };
  return it;
}

for (const framework of Object.keys(frameworks)) {
  for (const adapter of Object.keys(adapters)) {
    test(`healthHandler() answers in ${framework}, mounted with ${adapter}`, async () => {
      const it = await site(framework, adapter);
      const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
        fetch(new URL(path, it.url), init);

      for (const path of [...paths, "/internal/readyz"]) {
        const response = await ask(path);
        assert.is(response.status, 200, path);
        assert.is(response.headers.get("cache-control"), "no-store");
        assert.is(await response.text(), "ok");
      }
      const verbose = await ask("/readyz?verbose");
      assert.is(await verbose.text(), "[+]host ok\n[+]db ok\nreadyz check passed");
      const json = await ask("/livez", { headers: { accept: "application/json" } });
      assert.match(json.headers.get("content-type")!, /^application\/json/);
      assert.equal(await json.json(), { status: "ok", checks: [{ name: "host", status: "ok" }] });
      const head = await ask("/livez", { method: "HEAD" });
      assert.is(head.status, 200);
      assert.is(await head.text(), "");

      it.wrong = new Error("Lost");
      await it.clock.advance(1_000);
      const failed = await ask("/readyz");
      assert.is(failed.status, 503);
      assert.match(await failed.text(), "[-]db failed");
      await it.host.stop();
    });
  }

  test(`httpServer() drains ${framework}: not ready, still serving, then gone`, async () => {
    const { host, clock, url, asked, answer, events } = await site(framework, "@hono/node-server", {
      drainDelay: 5_000,
    });
    const slow = await Client.connect(url);
    slow.get("/slow");
    await asked.promise;
    const stopped = host.stop();

    for (const [path, status] of [["/readyz", 503], ["/livez", 200], ["/startupz", 200]] as const) {
      const client = await Client.connect(url);
      client.get(path);
      const head = await client.receive(/\r\n\r\n/);
      assert.match(head, `HTTP/1.1 ${status} `);
      assert.match(head, /\r\nConnection: close\r\n/i);
      await client.closed;
    }

    await clock.advance(5_000);
    while (!events.some((event) => event.type === "serviceDone" && event.phase === "stopping")) {
      await quiet();
    }
    await rejection(Client.connect(url));
    answer.open();
    const answered = await slow.receive(/\r\n\r\ndone/);
    assert.match(answered, "HTTP/1.1 200 ");
    assert.match(answered, /\r\nConnection: close\r\n/i);
    await stopped;
    assert.is(clock.pending, 0);
  });

  test(`httpServer() cuts what ${framework} has not answered when the grace is over`, async () => {
    const { host, clock, url, asked, answer } = await site(framework, "srvx", {
      shutdownTimeout: 1_000,
    });
    const slow = await Client.connect(url);
    slow.get("/slow");
    await asked.promise;
    const stopped = rejection<RequestsCutError>(host.stop());
    await clock.advance(1_000);
    await slow.closed;
    const { code, requests } = await stopped;
    assert.equal([code, requests], ["ERR_REQUESTS_CUT", 1]);
    answer.open(); // nobody hears it
  });
}

test.run();
