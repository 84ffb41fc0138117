/** "Two copies" of docs/design.md: what came from npm and what came from JSR in one program. */
import { createServer } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as core from "../mod.ts";
import type { Host, ServiceContext } from "../mod.ts";
import { health, healthHandler } from "../src/health/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { fromCopy } from "./_copy.ts";
import { rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";
import { runtime } from "./_servers.ts";

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

    const answer = { fetch: () => new Response("Hello") };
    const web = theirs.entry.httpServer("web", {
      ...(runtime === "node" ? { server: createServer((_, it) => it.end("Hello")) } : answer),
      port: 0,
      hostname: "127.0.0.1",
    });
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
function hostToCome(): Host {
  const host = core.createHost([], { hostLifetime: false });
  const link = (host as Host & { readonly "~host": object })["~host"];
  return Object.assign(host, { "~host": { ...link, version: 2 } });
}

test("a link of an unknown version is refused, with both numbers", async () => {
  const message = "Cannot use host: its link has version 2, this copy of @runhost/host knows 1";
  assert.is(thrown(() => healthHandler(hostToCome())).message, message);
  assert.is((await rejection(health(hostToCome()))).message, message);
  assert.instance(thrown(() => healthHandler(hostToCome())), TypeError);
});

test("a background service does without a link that it does not know", async () => {
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
});

test.run();
