/** The dashboard in the servers that docs/dashboard.md mounts it in: its pages, its changes, its streams. */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
// @ts-types="npm:@types/express@^5.0.6"
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dashboard, type DashboardOptions } from "../src/dashboard/mod.ts";
import { defineJob, jobServer } from "../src/jobs/mod.ts";
import {
  createHost,
  type Host,
  type HostedService,
  hostedService,
  httpServer,
} from "../src/runtime/node.ts";
import { FakeJobStorage } from "../src/testing/mod.ts";
import { guard } from "./_guard.ts";

guard(test);

/** An application with a server of its own, which nothing is mounted in yet. */
interface Application {
  readonly services: readonly HostedService[];
  /** Puts a dashboard at `/dashboard`. */
  mount(host: Host, options: DashboardOptions): void;
}

const where = { port: 0, hostname: "127.0.0.1" };
const listenerOf = (app: Hono): ReturnType<typeof getRequestListener> =>
  getRequestListener(app.fetch, { overrideGlobalObjects: false });

const applications: Readonly<Record<string, () => Application>> = {
  "Hono, on Node's own server"() {
    const app = new Hono();
    return {
      services: [httpServer("web", { server: createServer(listenerOf(app)), ...where })],
      mount: (host, options) => app.route("/dashboard", dashboard(host, options)),
    };
  },

  Express() {
    const app = express();
    return {
      services: [httpServer("web", { server: createServer(app), ...where })],
      mount(host, options) {
        const pages = dashboard(host, { ...options, basePath: "/dashboard" });
        app.use("/dashboard", listenerOf(pages));
        app.use(express.urlencoded()); // as most applications have it, for what comes after
      },
    };
  },

  Fastify() {
    const app = Fastify();
    return {
      services: [
        hostedService("fastify", { start: () => app.ready(), stop: () => app.close() }),
        httpServer("web", { server: app.server, ...where }),
      ],
      mount(host, options) {
        const pages = listenerOf(new Hono().route("/dashboard", dashboard(host, options)));
        app.register((scope, _options, done) => {
          scope.removeAllContentTypeParsers();
          scope.addContentTypeParser("*", (_request, _body, parsed) => parsed(null));
          scope.all("/dashboard", ({ raw }, reply) => pages(raw, reply.hijack().raw));
          scope.all("/dashboard/*", ({ raw }, reply) => pages(raw, reply.hijack().raw));
          done();
        });
      },
    };
  },
};

for (const [name, make] of Object.entries(applications)) {
  test(`a dashboard in ${name} shows, changes, streams, and lets the host stop`, async () => {
    const mail = defineJob("mail", { execute: (_: string) => {} });
    const jobs = jobServer("jobs", { storage: new FakeJobStorage(), jobs: [mail] });
    let url = "";
    const application = make();
    const host = createHost([jobs, ...application.services], {
      logger: false,
      onEvent: (event) => event.type === "serviceListening" && (url = event.url),
    });
    application.mount(host, {
      jobs,
      authorize: (c) => c.req.header("x-role") === "operator",
    });
    await host.start();
    const ask = (path: string, { headers, ...init }: RequestInit = {}): Promise<Response> =>
      fetch(new URL(path, url), {
        redirect: "manual",
        headers: { "x-role": "operator", ...headers },
        ...init,
      });

    const page = await ask("/dashboard");
    assert.is(page.status, 200);
    assert.match(await page.text(), '<a href="/dashboard/queues"');
    assert.is((await ask("/dashboard/jobs?state=failed")).status, 200);
    assert.is((await ask("/dashboard", { headers: { "x-role": "guest" } })).status, 403);

    const origin = { origin: new URL(url).origin };
    const pause = "/dashboard/queues/default/pause";
    assert.is((await ask(pause, { method: "POST" })).status, 403);
    assert.equal((await jobs.queues()).filter((it) => it.paused), []);
    const paused = await ask(pause, { method: "POST", headers: origin });
    assert.is(paused.status, 303);
    assert.is(paused.headers.get("location"), "/dashboard/queues");
    assert.equal((await jobs.queues()).filter((it) => it.paused).length, 1);
    const id = await jobs.enqueue(mail, "x");
    const form = new URLSearchParams({ id, do: "cancel" });
    const chosen = await ask("/dashboard/jobs", { method: "POST", headers: origin, body: form });
    assert.is(chosen.status, 303);
    assert.is((await jobs.get(id))?.state, "cancelled");

    const stream = await ask(`/dashboard/jobs/${id}?live=1`);
    assert.match(stream.headers.get("content-type") ?? "", /^text\/event-stream/);
    const reader = stream.body!.getReader();
    assert.match(new TextDecoder().decode((await reader.read()).value), /cancelled/);
    const stopped = host.stop();
    for (let more = true; more;) more = !(await reader.read()).done;
    await stopped;
  });
}

test.run();
