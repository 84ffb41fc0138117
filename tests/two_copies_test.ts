/** "Two copies" of docs/design.md: what came from npm and what came from JSR in one program. */
import { createServer } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as core from "../mod.ts";
import type { Host, ServiceContext } from "../mod.ts";
import { health, healthHandler } from "../src/health/mod.ts";
import { systemd } from "../src/systemd/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { fromCopy } from "./_copy.ts";
import { rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";
import { runtime } from "./_servers.ts";
import { warnings } from "./_warnings.ts";

guard(test);

const here = {
  core,
  health: { health, healthHandler },
  entry: await import(`../src/runtime/${runtime}.ts`),
};
const there: typeof here = {
  core: await fromCopy("mod.ts"),
  health: await fromCopy("src/health/mod.ts"),
  entry: await fromCopy(`src/runtime/${runtime}.ts`),
};

function webOptions(): object {
  const answer = runtime === "node"
    ? { server: createServer((_, it) => it.end("Hello")) }
    : { fetch: () => new Response("Hello") };
  return { ...answer, port: 0, hostname: "127.0.0.1" };
}

for (
  const [title, ours, theirs] of [["one way round", here, there], [
    "the other way round",
    there,
    here,
  ]] as const
) {
  test(`a worker without super, a server and health of another copy on a host, ${title}`, async () => {
    assert.is.not(ours.core.createHost, theirs.core.createHost);
    const seen: string[] = [];

    class Worker extends theirs.core.BackgroundService {
      override async start(signal?: AbortSignal): Promise<void> {
        await super.start(signal); // the context is forgotten
      }
      override async stop(): Promise<void> {} // so is `super.stop`
      override async execute(signal: AbortSignal, context: ServiceContext): Promise<void> {
        seen.push(`works for ${context.name}`);
        await theirs.core.aborted(signal);
        seen.push(`ends: ${signal.reason.message}`);
      }
    }

    const web = theirs.entry.httpServer("web", webOptions());
    let url = "";
    const host: Host = ours.core.createHost([new Worker(), web], {
      onEvent(event) {
        if (event.type === "serviceListening") url = event.url;
      },
    });
    await host.start();
    assert.is(await (await fetch(url, { headers: { connection: "close" } })).text(), "Hello");
    const report = await theirs.health.health(host);
    assert.equal([report.live, report.started, report.ready], [true, true, true]);
    assert.equal(
      report.checks.filter(({ probe }) => probe === "livez").map(({ name }) => name),
      ["host"],
    );
    const response = await theirs.health.healthHandler(host)(
      new Request("http://localhost/readyz"),
    );
    assert.is(response.status, 200);

    await host.stop();
    assert.equal(seen, ["works for Worker", "ends: The host is stopping"]);
    assert.is((await theirs.health.health(host)).live, false);
  });
}

/** A host whose link is of a version to come. */
function hostToCome(services: core.Services = [], options: core.HostOptions = {}): Host {
  const host = core.createHost(services, { hostLifetime: false, ...options });
  const link = (host as Host & { readonly "~host": object })["~host"];
  return Object.assign(host, { "~host": { ...link, version: 2 } });
}

test("a link of an unknown version is refused, with both numbers", async () => {
  const message = "Cannot use host: its link has version 2, this copy of @runhost/host knows 1";
  assert.is(thrown(() => healthHandler(hostToCome())).message, message);
  assert.is((await rejection(health(hostToCome()))).message, message);
  assert.instance(thrown(() => healthHandler(hostToCome())), TypeError);
});

test("what a host of an unknown version cannot do without is refused when it starts", async () => {
  const consoleLifetime = here.entry.consoleLifetime();
  const probes = here.entry.probeServer("probes", { port: 0, hostname: "127.0.0.1" });
  for (
    const [services, options] of [
      [[], { hostLifetime: consoleLifetime }],
      [[probes], {}],
      [[systemd()], {}],
    ] as const
  ) {
    const host = hostToCome(services, { logger: false, ...options });
    const error = await rejection(host.start());
    assert.match(error.message, /Cannot use host: its link has version 2/);
    assert.is(host.state, "stopped");
  }
});

test("a server listens on a host of an unknown version, with one line on the event that is missing", async () => {
  const lines = new Lines();
  const web = here.entry.httpServer("web", webOptions());
  const events: string[] = [];
  const host = hostToCome([web], { logger: lines, onEvent: ({ type }) => events.push(type) });
  await host.start();
  const { url } = host.services[0]!.details as { readonly url: string };
  assert.is(await (await fetch(url, { headers: { connection: "close" } })).text(), "Hello");
  await host.stop();
  assert.not(events.includes("serviceListening"));
  assert.is(lines.all.length, 2);
  assert.match(lines.all[0]!, /^warn: Service "web": no event tells where it listens: TypeError: /);
  assert.match(lines.all[0]!, /its link has version 2, this copy of @runhost\/host knows 1/);
  assert.is(lines.all[1], `info: Service "web": listening on ${url}`);
});

test("a link shows an entry what it needs, and nothing else", () => {
  const host = core.createHost([]) as Host & { readonly "~host": object };
  assert.equal(Object.keys(host["~host"]).sort(), [
    "abandonTimeout",
    "awaited",
    "clock",
    "failed",
    "logger",
    "members",
    "pending",
    "shutdownTimeout",
    "skipDrainDelay",
    "stopWhenIdle",
    "tell",
    "version",
  ]);
});

test("a background service does without a link that it does not know, and says so", async () => {
  const line = "Cannot use ~worker of a host: expected version 1, got 2";
  assert.equal(await warnings(unlinked), [line, line]); // once a start
});

async function unlinked(): Promise<void> {
  class Worker extends core.BackgroundService {
    reason: unknown;
    override async execute(signal: AbortSignal): Promise<void> {
      await core.aborted(signal);
      this.reason = signal.reason;
    }
  }

  const started = new Worker();
  const controller = new AbortController();
  started["~worker"] = { version: 2, context: undefined, controller: undefined } as never;
  await started.start(controller.signal, undefined);
  await quiet();
  controller.abort(new Error("The start was cancelled"));
  await started.executeTask;
  assert.is(started.reason, controller.signal.reason);

  const stopped = new Worker();
  stopped["~worker"] = { version: 2, context: undefined, controller: undefined } as never;
  await stopped.start(undefined, undefined);
  await quiet();
  await stopped.stop(undefined, undefined);
  assert.is((stopped.reason as Error).message, "The background service was stopped");
}

test.run();
