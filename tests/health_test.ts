import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  backgroundService,
  type Host,
  type HostedService,
  hostedService,
  type ServiceContext,
} from "../mod.ts";
import { health, type HealthCheck, healthHandler } from "../src/health/mod.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection, thrown } from "./_fate.ts";
import { Gate, hang } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { probe, probes } from "./_probe.ts";
import { rig } from "./_rig.ts";

guard(test);

/** A service whose health a test sets: an error, `false`, or a promise of either. */
function patient(name = "db"): { service: HostedService; says: unknown; asked: AbortSignal[] } {
  const asked: AbortSignal[] = [];
  const health = (signal: AbortSignal): unknown => {
    asked.push(signal);
    if (self.says instanceof Error) throw self.says;
    return self.says;
  };
  const self = { service: hostedService(name, { health }), says: undefined as unknown, asked };
  return self;
}

/** What `health()` says of one service. */
async function checkOf(host: Parameters<typeof health>[0], name: string): Promise<HealthCheck> {
  const { checks } = await health(host);
  const found = checks.filter((check) => check.name === name);
  assert.is(found.length, 1, `${name} in ${JSON.stringify(checks)}`);
  return found[0]!;
}

// Each moment in the life of a host.

test("healthHandler() says live, not started, not ready before the start", async () => {
  const { host } = rig([]);
  assert.equal(await probes(host), { livez: 200, startupz: 503, readyz: 503 });
});

test("healthHandler() says live, not started, not ready while the host starts", async () => {
  const gate = new Gate();
  const { host } = rig([hostedService("slow", { start: () => gate.promise })]);
  const starting = host.start();
  await quiet();
  assert.equal(await probes(host), { livez: 200, startupz: 503, readyz: 503 });
  gate.open();
  await starting;
  await host.stop();
});

test("healthHandler() says yes to all while the host is started", async () => {
  const { host } = rig([hostedService("service", {})]);
  await host.start();
  assert.equal(await probes(host), { livez: 200, startupz: 200, readyz: 200 });
  await host.stop();
});

test("healthHandler() says live and not ready during the drain delay and the stop", async () => {
  const gate = new Gate();
  const service = hostedService("slow", { stop: () => gate.promise });
  const { host, clock, events } = rig([service], { drainDelay: 5_000 });
  await host.start();
  const stopping = host.stop();
  await clock.advance(4_999);
  assert.is(events.at(-1)!.type, "hostDraining");
  assert.equal(await probes(host), { livez: 200, startupz: 200, readyz: 503 });
  await clock.advance(1);
  assert.equal(events.some(({ type }) => type === "hostStopping"), true);
  assert.equal(await probes(host), { livez: 200, startupz: 200, readyz: 503 });
  gate.open();
  await stopping;
});

test("healthHandler() says not live and not ready, but started, after the stop", async () => {
  const { host } = rig([]);
  await host.start();
  await host.stop();
  assert.equal(await probes(host), { livez: 503, startupz: 200, readyz: 503 });
});

test("healthHandler() says live while a failed start is rolled back, and no to all after it", async () => {
  const gate = new Gate();
  const error = new Error("No disk");
  const { host } = rig([
    hostedService("first", { stop: () => gate.promise }),
    hostedService("second", { start: () => Promise.reject(error) }),
  ]);
  const starting = rejection(host.start());
  await quiet();
  assert.is(host.state, "stopping");
  assert.equal(await probes(host), { livez: 200, startupz: 503, readyz: 503 });
  gate.open();
  assert.is(await starting, error);
  assert.equal(await probes(host), { livez: 503, startupz: 503, readyz: 503 });
});

for (
  const [how, ask] of [
    ["stopApplication()", (host: Host) => host.lifetime.stopApplication()],
    ["a direct stop", (host: Host) => host.stop()],
    ["abort()", (host: Host) => host.abort()],
  ] as const
) {
  test(`healthHandler() says not ready in the very tick of ${how}`, async () => {
    const db = patient();
    const { host } = rig([db.service], { drainDelay: 5_000 });
    const running = host.run().catch(() => {}); // the abort may fail it
    await quiet();
    assert.is((await probe(host, "readyz")).status, 200, "and the answer is good for a second");
    const before = probe(host, "readyz");
    const stopping = ask(host);
    const after = probe(host, "readyz");
    assert.is((await before).status, 503, "looks at the host last");
    assert.is((await after).status, 503);
    host.abort();
    await Promise.all([running, stopping]);
  });
}

test("healthHandler() says not ready when the stop is asked for while a check runs", async () => {
  const db = patient();
  const { host, clock, lines } = rig([db.service]);
  db.says = hang();
  const running = host.run();
  await quiet();
  const answer = new Fate(probe(host, "readyz").then(({ status }) => assert.is(status, 503)));
  await quiet();
  assert.is(answer.state, "pending");
  host.lifetime.stopApplication();
  await quiet();
  assert.is(answer.state, "fulfilled", "waits no longer");
  assert.is(db.asked[0]!.aborted, true);
  await running;
  assert.is(clock.pending, 0, "leaves no timer");
  assert.equal(lines.all, []);
});

// The heartbeat.

/** A loop that beats when a test wants it to. */
function loop(heartbeat = 1_000): { service: HostedService; context: ServiceContext } {
  const self = {
    service: backgroundService("poller", {
      heartbeat,
      execute(signal, context) {
        self.context = context;
        return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
    }),
    context: undefined as unknown as ServiceContext,
  };
  return self;
}

test("healthHandler() names the service that has missed its heartbeat, until it beats again", async () => {
  const poller = loop();
  const { host, clock, lines } = rig([poller.service, hostedService("other", {})]);
  await host.start();
  await clock.advance(1_000);
  assert.equal(await probe(host, "livez?verbose"), {
    status: 200,
    body: "[+]host ok\n[+]poller ok\nlivez check passed",
  });
  await clock.advance(1);
  const missed = {
    status: 503,
    body: "[+]host ok\n[-]poller failed: reason withheld\nlivez check failed",
  };
  assert.equal(await probe(host, "livez"), missed);
  assert.equal(await probe(host, "livez"), missed);
  assert.is(`${(await checkOf(host, "poller")).error}`, "Error: No beat for 1001 ms");
  assert.equal(await probes(host), { livez: 503, startupz: 200, readyz: 200 });

  poller.context.beat();
  assert.is((await probe(host, "livez")).status, 200);
  await clock.advance(1_000);
  assert.is((await probe(host, "livez")).status, 200);
  await clock.advance(500);
  assert.is((await probe(host, "livez")).status, 503);
  assert.equal(lines.heads, [
    'warn: Service "poller" is not alive: Error: No beat for 1001 ms',
    'info: Service "poller" is alive again',
    'warn: Service "poller" is not alive: Error: No beat for 1500 ms',
  ]);
  await host.stop();
});

test("healthHandler() counts a heartbeat from the end of the service's own start", async () => {
  const gate = new Gate();
  const poller = loop();
  const other = new Gate();
  const slow = backgroundService("slow", {
    heartbeat: 1_000,
    start: () => gate.promise,
    execute: () => hang(),
  });
  const { host, clock } = rig([
    poller.service,
    slow,
    hostedService("other", { start: () => other.promise }),
  ], { abandonTimeout: 0, shutdownTimeout: 0 });
  const starting = host.start();
  await clock.advance(900);
  assert.is((await probe(host, "livez")).status, 200);
  await clock.advance(200);
  assert.match((await probe(host, "livez")).body, /^\[\+\]host ok\n\[-\]poller failed/);
  gate.open();
  await clock.advance(900);
  poller.context.beat();
  assert.is((await probe(host, "livez")).status, 200, "the host itself is still starting");
  assert.is(host.state, "starting");
  await clock.advance(200);
  assert.match((await probe(host, "livez")).body, /\[\+\]poller ok\n\[-\]slow failed/);
  other.open();
  await starting;
  const stopped = rejection(host.stop());
  await clock.advance(1);
  await stopped;
});

test("healthHandler() expects no beat once the stop is asked for", async () => {
  const poller = loop();
  const gate = new Gate();
  const slow = hostedService("slow", { stop: () => gate.promise });
  const { host, clock, lines } = rig([poller.service, slow], { drainDelay: 3_000 });
  await host.start();
  const stopping = host.stop();
  await clock.advance(2_000);
  const alive = { status: 200, body: "[+]host ok\nlivez check passed" };
  assert.equal(await probe(host, "livez?verbose"), alive);
  await clock.advance(2_000);
  assert.equal(await probe(host, "livez?verbose"), alive);
  gate.open();
  await stopping;
  assert.equal(lines.all, []);
});

test("healthHandler() expects no beat of a worker that has ended", async () => {
  const work = backgroundService("once", { heartbeat: 10, execute: () => Promise.resolve() });
  const { host, clock } = rig([work]);
  await host.start();
  await clock.advance(1_000);
  assert.equal(await probe(host, "livez"), { status: 200, body: "ok" });
  await host.stop();
});

// Readiness.

test("healthHandler() says not ready until who holds it back has said ready", async () => {
  let context!: ServiceContext;
  const cache = hostedService("cache", { holdsReady: true, start: (_, it) => (context = it) });
  const { host, lines } = rig([cache]);
  await host.start();
  assert.equal(await probe(host, "readyz"), {
    status: 503,
    body: "[+]host ok\n[-]cache failed: reason withheld\nreadyz check failed",
  });
  assert.is(`${(await checkOf(host, "cache")).error}`, "Error: Not ready yet");
  context.ready();
  assert.equal(await probe(host, "readyz?verbose"), {
    status: 200,
    body: "[+]host ok\n[+]cache ok\nreadyz check passed",
  });
  assert.equal(lines.all, [], "nothing has failed");
  await host.stop();
});

test("healthHandler() asks nobody for its health who holds readiness back", async () => {
  const db = patient();
  let context!: ServiceContext;
  const service = Object.assign(db.service, {
    holdsReady: true,
    start: (_: AbortSignal, it: ServiceContext) => (context = it),
  });
  const { host } = rig([service]);
  await host.start();
  assert.is((await probe(host, "readyz")).status, 503);
  assert.is(db.asked.length, 0);
  context.ready();
  assert.is((await probe(host, "readyz")).status, 200);
  assert.is(db.asked.length, 1);
  await host.stop();
});

test("healthHandler() lists a worker that failed under ignore, and does not count it", async () => {
  const error = new Error("Broken");
  const broken = backgroundService("broken", {
    backgroundServiceExceptionBehavior: "ignore",
    holdsReady: true,
    heartbeat: 10,
    execute: () => Promise.reject(error),
  });
  const { host, clock } = rig([broken]);
  await host.start();
  await clock.advance(100);
  assert.equal(await probes(host), { livez: 200, startupz: 200, readyz: 200 });
  assert.equal(await probe(host, "readyz?verbose"), {
    status: 200,
    body: "[+]host ok\n[-]broken ignored: reason withheld\nreadyz check passed",
  });
  assert.equal(await checkOf(host, "broken"), {
    probe: "readyz",
    name: "broken",
    status: "ignored",
    error,
  });
  await host.stop();
});

test("healthHandler() asks for health only while the host is started, and never for liveness", async () => {
  const db = patient();
  db.says = false;
  const gate = new Gate();
  const slow = hostedService("slow", { start: () => gate.promise });
  const { host } = rig([db.service, slow]);
  await probes(host);
  const starting = host.start();
  await quiet();
  await probes(host);
  await health(host);
  gate.open();
  await starting;
  assert.is((await probe(host, "livez")).status, 200);
  assert.is((await probe(host, "startupz")).status, 200);
  assert.is(db.asked.length, 0);
  assert.is((await probe(host, "readyz")).status, 503);
  assert.is(db.asked.length, 1);
  await host.stop();
  await probes(host);
  await health(host);
  assert.is(db.asked.length, 1);
});

for (
  const [how, says, error] of [
    ["throws", new Error("Lost"), "Error: Lost"],
    ["rejects", () => Promise.reject(new Error("Lost")), "Error: Lost"],
    ["rejects with nothing", () => Promise.reject(), "null"],
    ["answers false", false, "Error: It answered false"],
    ["answers a promise of false", () => Promise.resolve(false), "Error: It answered false"],
  ] as const
) {
  test(`healthHandler() says not ready when a health check ${how}`, async () => {
    const db = patient();
    const { host, lines } = rig([db.service, patient("other").service]);
    await host.start();
    db.says = typeof says === "function" ? says() : says;
    assert.equal(await probe(host, "readyz"), {
      status: 503,
      body: "[+]host ok\n[-]db failed: reason withheld\n[+]other ok\nreadyz check failed",
    });
    const check = await checkOf(host, "db");
    assert.is(check.status, "failed");
    assert.is(`${check.error}`, error);
    assert.equal(lines.heads, [`warn: Service "db" is not healthy: ${error}`]);
    await host.stop();
  });
}

for (const says of [undefined, null, 0, "", true]) {
  test(`healthHandler() takes a health check that answers ${JSON.stringify(says)} for passed`, async () => {
    const db = patient();
    db.says = Promise.resolve(says);
    const { host } = rig([db.service]);
    await host.start();
    assert.is((await probe(host, "readyz")).status, 200);
    await host.stop();
  });
}

test("healthHandler() calls health as a method of its service", async () => {
  class Db implements HostedService {
    readonly open = true;
    start(): void {}
    stop(): void {}
    health(): boolean {
      return this.open;
    }
  }
  const { host } = rig([() => new Db()]);
  await host.start();
  assert.is(
    (await probe(host, "readyz?verbose")).body,
    "[+]host ok\n[+]Db ok\nreadyz check passed",
  );
  await host.stop();
});

test("healthHandler() waits 800 ms for a health check, and never lets two overlap", async () => {
  const db = patient();
  const gate = new Gate();
  db.says = gate.promise;
  const { host, clock, lines } = rig([db.service, patient("other").service]);
  await host.start();
  const first = new Fate(probe(host, "readyz").then(({ status }) => assert.is(status, 503)));
  await clock.advance(799);
  assert.is(first.state, "pending");
  assert.is(db.asked[0]!.aborted, false);
  await clock.advance(1);
  assert.is(first.state, "fulfilled");
  assert.is(db.asked[0]!.aborted, true);
  assert.is((db.asked[0]!.reason as Error).name, "AbortError");
  assert.is(clock.pending, 0);

  // It counts as failed for as long as it hangs, and is told at once.
  await clock.advance(10_000);
  assert.is((await probe(host, "readyz")).status, 503);
  assert.is(db.asked.length, 1);
  gate.open();
  db.says = true;
  await clock.advance(1_000);
  assert.is((await probe(host, "readyz")).status, 200);
  assert.is(db.asked.length, 2);
  assert.is(db.asked[1]!.aborted, false);
  assert.equal(lines.heads, [
    'warn: Service "db" is not healthy: AbortError: No answer in time',
    'info: Service "db" is healthy again',
  ]);
  await host.stop();
});

test("healthHandler() reports what a health check fails with too late, once", async () => {
  const db = patient();
  const { host, clock, lines } = rig([db.service]);
  await host.start();
  for (let round = 0; round < 3; round++) {
    const gate = new Gate();
    db.says = gate.promise;
    const answer = probe(host, "readyz");
    await clock.advance(5_000);
    assert.is((await answer).status, 503);
    gate.fail(new Error("Connection timed out"));
    await clock.advance(1_000);
  }
  assert.equal(lines.heads, [
    'warn: Service "db" is not healthy: AbortError: No answer in time',
    'warn: Service "db" is not answering: Error: Connection timed out',
  ]);
  db.says = true;
  assert.is((await probe(host, "readyz")).status, 200);
  assert.equal(lines.heads.slice(2), [
    'info: Service "db" is answering again',
    'info: Service "db" is healthy again',
  ]);
  await host.stop();
});

test("healthHandler() reports no health check twice that gives up when it is told to", async () => {
  const polite = hostedService("polite", {
    health: (signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  const { host, clock, lines } = rig([polite]);
  await host.start();
  const answer = probe(host, "readyz");
  await clock.advance(800);
  assert.is((await answer).status, 503);
  assert.equal(lines.heads, [
    'warn: Service "polite" is not healthy: AbortError: No answer in time',
  ]);
  await host.stop();
});

test("healthHandler() keeps an answer for a second, for all who ask", async () => {
  const db = patient();
  const { host, clock } = rig([db.service]);
  await host.start();
  const handle = healthHandler(host);
  const ask = (): Promise<Response> => handle(new Request("http://localhost/readyz"));
  await Promise.all([ask(), ask(), probe(host, "readyz"), health(host)]);
  assert.is(db.asked.length, 1, "who asks at the same time shares one answer");
  db.says = new Error("Lost");
  await clock.advance(999);
  assert.is((await ask()).status, 200);
  assert.is(db.asked.length, 1);
  await clock.advance(1);
  assert.is((await ask()).status, 503);
  assert.is(db.asked.length, 2);
  await host.stop();
});

test("healthHandler() asks all services at the same time", async () => {
  const [first, second] = [patient("first"), patient("second")];
  first.says = second.says = hang();
  const { host, clock } = rig([first.service, second.service]);
  await host.start();
  const answer = new Fate(probe(host, "readyz"));
  await clock.advance(800);
  assert.is(answer.state, "fulfilled");
  assert.equal([first.asked.length, second.asked.length], [1, 1]);
  await host.stop();
});

test("healthHandler() logs a failure once when it begins, and once when it is over", async () => {
  const db = patient();
  const { host, clock, lines } = rig([db.service]);
  await host.start();
  for (const says of [true, new Error("Lost"), new Error("Still lost"), true, true, false]) {
    db.says = says;
    await Promise.all([probe(host, "readyz"), probe(host, "readyz"), health(host)]);
    await clock.advance(1_000);
  }
  assert.equal(lines.heads, [
    'warn: Service "db" is not healthy: Error: Lost',
    'info: Service "db" is healthy again',
    'warn: Service "db" is not healthy: Error: It answered false',
  ]);
  assert.match(lines.all[0]!, /\n +at /, "with the stack");
  assert.equal(lines.misuse, []);
  await host.stop();
});

test("healthHandler() is not changed by a logger that throws", async () => {
  const db = patient();
  db.says = false;
  const fail = (): never => {
    throw new Error("The disk is full");
  };
  const { host } = rig([db.service], {
    logger: { debug: fail, info: fail, warn: fail, error: fail },
  });
  await host.start();
  assert.is((await probe(host, "readyz")).status, 503);
  await host.stop();
});

// HTTP.

test("healthHandler() answers under any prefix, and 404 elsewhere", async () => {
  const { host } = rig([]);
  for (const path of ["livez", "health/livez", "a/b/livez?x=1", "livez?verbose=false"]) {
    assert.is((await probe(host, path)).status, 200, path);
  }
  for (
    const path of ["", "xlivez", "livez/", "livez/db", "LIVEZ", "?/livez", "healthz", "toString"]
  ) {
    assert.equal(await probe(host, path), { status: 404, body: "" }, path);
  }
});

test("healthHandler() answers other methods than GET and HEAD with 405", async () => {
  const { host } = rig([]);
  const handle = healthHandler(host);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const response = await handle(new Request("http://localhost/livez", { method }));
    assert.is(response.status, 405);
    assert.is(response.headers.get("allow"), "GET, HEAD");
  }
  for (const [path, status] of [["livez", 200], ["readyz", 503]] as const) {
    const request = new Request(`http://localhost/${path}`, { method: "HEAD" });
    assert.is((await handle(request)).status, status);
  }
});

test("healthHandler() answers plain text that nobody keeps", async () => {
  const { host } = rig([]);
  const response = await healthHandler(host)(new Request("http://localhost/livez"));
  assert.is(response.headers.get("cache-control"), "no-store");
  const body = await response.blob(); // Bun has no such header before it sends the response
  assert.match(body.type, /^text\/plain/);
  assert.is(await body.text(), "ok");
});

test("healthHandler() lists each check with ?verbose, and whenever one fails", async () => {
  const db = patient();
  const poller = loop();
  const { host, clock } = rig([db.service, hostedService("plain", {}), poller.service]);
  await host.start();
  assert.is((await probe(host, "readyz")).body, "ok");
  for (const query of ["?verbose", "?verbose=1", "?a=b&verbose"]) {
    assert.is(
      (await probe(host, `readyz${query}`)).body,
      "[+]host ok\n[+]db ok\nreadyz check passed",
    );
  }
  assert.is(
    (await probe(host, "livez?verbose")).body,
    "[+]host ok\n[+]poller ok\nlivez check passed",
  );
  assert.is((await probe(host, "startupz?verbose")).body, "[+]host ok\nstartupz check passed");
  db.says = new Error("The password is 1234");
  await clock.advance(1_000);
  for (const query of ["", "?verbose"]) {
    assert.is(
      (await probe(host, `readyz${query}`)).body,
      "[+]host ok\n[-]db failed: reason withheld\nreadyz check failed",
    );
  }
  await host.stop();
  assert.is(
    (await probe(host, "livez")).body,
    "[-]host failed: reason withheld\nlivez check failed",
  );
});

test("healthHandler() answers JSON to who accepts it, without the reasons", async () => {
  const db = patient();
  db.says = new Error("The password is 1234");
  const { host } = rig([db.service]);
  await host.start();
  const handle = healthHandler(host);
  const ask = (path: string, accept: string): Promise<Response> =>
    handle(new Request(`http://localhost/${path}`, { headers: { accept } }));

  const failed = await ask("readyz", "application/json");
  assert.is(failed.status, 503);
  assert.match(failed.headers.get("content-type")!, /^application\/json/);
  assert.is(failed.headers.get("cache-control"), "no-store");
  assert.equal(await failed.json(), {
    status: "failed",
    checks: [{ name: "host", status: "ok" }, { name: "db", status: "failed" }],
  });
  const passed = await ask("livez", "text/html;q=0.5, Application/JSON");
  assert.equal(await passed.json(), { status: "ok", checks: [{ name: "host", status: "ok" }] });
  for (const accept of ["*/*", "text/plain"]) {
    assert.is(await (await ask("livez", accept)).text(), "ok");
  }
  await host.stop();
});

test("healthHandler() passes and lists who is degraded, and says why in the log, once", async () => {
  const db = patient();
  const { host, clock, lines } = rig([db.service]);
  await host.start();
  const reason = new Error("One replica of two");
  const why = 'warn: Service "db" is degraded: Error: One replica of two';
  for (
    const [says, error] of [
      ["degraded", new Error("It answered degraded")],
      [{ status: "degraded" }, new Error("It answered degraded")],
      [{ status: "degraded", error: reason }, reason],
    ]
  ) {
    db.says = says;
    await clock.advance(1_000);
    const { status, error: given } = await checkOf(host, "db");
    assert.equal([status, String(given)], ["degraded", String(error)]);
    const body = "[+]host ok\n[-]db degraded: reason withheld\nreadyz check passed";
    assert.equal(await probe(host, "readyz"), { status: 200, body: "ok" });
    assert.equal(await probe(host, "readyz?verbose"), { status: 200, body });
  }
  assert.is((await health(host)).ready, true);
  const accept = { headers: { accept: "application/json" } };
  const request = new Request("http://localhost/readyz", accept);
  assert.equal(await (await healthHandler(host)(request)).json(), {
    status: "ok",
    checks: [{ name: "host", status: "ok" }, { name: "db", status: "degraded" }],
  });
  db.says = false;
  await clock.advance(1_000);
  assert.is((await probe(host, "readyz")).status, 503);
  db.says = { status: "degraded", error: reason };
  await clock.advance(1_000);
  await probe(host, "readyz");
  db.says = { status: 503, rows: [] }; // what a client answers, not what a service says of itself
  await clock.advance(1_000);
  await probe(host, "readyz");
  assert.equal(lines.heads, [
    'warn: Service "db" is degraded: Error: It answered degraded',
    'warn: Service "db" is not healthy: Error: It answered false',
    why,
    'info: Service "db" is healthy again',
  ]);
  await host.stop();
});

test("healthHandler() has nothing to do with a check that has answered", async () => {
  const db = patient();
  const { host, clock } = rig([db.service]);
  await host.start();
  await probe(host, "readyz");
  await clock.advance(1_000);
  await probe(host, "readyz");
  assert.is(clock.pending, 0);
  await host.stop(); // what still listened to the host would give up now
  assert.equal(db.asked.map(({ aborted }) => aborted), [false, false]);
});

test("healthHandler() and health() name what they cannot use", async () => {
  const message = "Cannot use host: it was not made by createHost";
  assert.is(thrown<Error>(() => healthHandler({} as never)).message, message);
  assert.is((await rejection(health({} as never))).message, message);
});

// The same for code.

test("health() reports all three, and each check with its error", async () => {
  const db = patient();
  const error = db.says = new Error("Lost");
  const poller = loop();
  const { host } = rig([db.service, poller.service]);
  const before = await health(host);
  assert.equal([before.live, before.started, before.ready], [true, false, false]);
  assert.equal(before.checks.map(({ probe, name, status }) => `${probe} ${name} ${status}`), [
    "livez host ok",
    "startupz host failed",
    "readyz host failed",
  ]);
  assert.is(`${before.checks[1]!.error}`, "Error: The host is created");

  await host.start();
  const { live, started, ready, checks } = await health(host);
  assert.equal([live, started, ready], [true, true, false]);
  assert.equal(checks, [
    { probe: "livez", name: "host", status: "ok", error: undefined },
    { probe: "livez", name: "poller", status: "ok", error: undefined },
    { probe: "startupz", name: "host", status: "ok", error: undefined },
    { probe: "readyz", name: "host", status: "ok", error: undefined },
    { probe: "readyz", name: "db", status: "failed", error },
  ]);
  await host.stop();
  const after = await health(host);
  assert.equal([after.live, after.started, after.ready], [false, true, false]);
});

test.run();
