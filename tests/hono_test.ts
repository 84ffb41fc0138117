import { type Context, Hono } from "hono";
import { stream, streamSSE } from "hono/streaming";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { aborted, type ApplicationLifetime, createHost, type Host } from "../mod.ts";
import { hostContext, type HostEnv, type HostVariables, probeHandler } from "../src/hono/mod.ts";
import { afterEach } from "./_after_each.ts";
import { Client } from "./_client.ts";
import { quiet } from "../src/testing/mod.ts";
import { Fate, rejection } from "./_fate.ts";
import { Gate } from "./_gate.ts";
import { guard } from "./_guard.ts";
import { Lines } from "./_lines.ts";
import { Listeners } from "./_listeners.ts";
import { type Rig, rig } from "./_rig.ts";
import { web as server } from "./_servers.ts";

guard(test);
afterEach(test, () => Client.closeAll());

/** An application in a host, and the signal of each request that has asked for it. */
interface Web extends Rig {
  readonly app: Hono<HostEnv>;
  readonly signals: AbortSignal[];
}

/** Answers every request with what `body` makes, after it has asked for its signal. */
function web(body: () => BodyInit | null, options: Parameters<typeof rig>[1] = {}): Web {
  const it = rig([], options);
  const signals: AbortSignal[] = [];
  const app = new Hono<HostEnv>();
  app.use(hostContext(it.host));
  app.all("/", (c) => {
    signals.push(c.var.requestSignal());
    return c.body(body() as ReadableStream, 201, { "x-kept": "yes" });
  });
  return { ...it, app, signals };
}

/** A body that a test writes, and what has become of it. */
class Source {
  readonly body: ReadableStream<Uint8Array>;
  controller!: ReadableStreamDefaultController<Uint8Array>;
  cancelled: unknown;

  constructor() {
    this.body = new ReadableStream({
      start: (controller) => void (this.controller = controller),
      cancel: (reason) => void (this.cancelled = reason),
    });
  }

  write(text: string): void {
    this.controller.enqueue(new TextEncoder().encode(text));
  }
}

/** A request whose client a test can send away; counts who listens to that. */
function client(init: RequestInit = {}): {
  request: Request;
  listeners: Listeners;
  leave(reason: unknown): void;
} {
  const controller = new AbortController();
  const request = new Request("http://localhost/", { ...init, signal: controller.signal });
  return {
    request,
    listeners: new Listeners(request.signal),
    leave: (reason) => controller.abort(reason),
  };
}

test("hostContext() puts the host and its lifetime on the context", async () => {
  const { host } = rig([]);
  const app = new Hono<HostEnv>();
  app.use(hostContext(host));
  app.get("/", (c) => {
    assert.is(c.var.host, host);
    assert.is(c.get("lifetime"), host.lifetime);
    return c.text("yes");
  });
  assert.is(await (await app.request("/")).text(), "yes");
});

test("hostContext() is typed: in an environment of its own, a larger one, and an inferred one", async () => {
  type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
    : false;
  const same = <A, B>(_: Same<A, B>): void => {};
  const { host } = rig([]);

  new Hono<HostEnv>().use(hostContext(host)).get("/", (c) => {
    same<typeof c.var.host, Host>(true);
    same<typeof c.var.lifetime, ApplicationLifetime>(true);
    same<ReturnType<typeof c.var.requestSignal>, AbortSignal>(true);
    same<Parameters<typeof c.var.waitUntil>, [work: PromiseLike<unknown>]>(true);
    // @ts-expect-error there is no such variable
    c.get("hots");
    return c.text("");
  });

  interface Larger {
    Bindings: { readonly TOKEN: string };
    Variables: HostVariables & { user: string };
  }
  const app = new Hono<Larger>();
  app.use("/alone/*", hostContext(host));
  app.use("/alone/*", async (c, next) => {
    c.set("user", "Ann");
    await next();
  });
  app.use("/together/*", hostContext<Larger>(host), async (c, next) => {
    c.set("user", c.var.host.state === "created" ? "Ann" : "");
    await next();
  });
  app.get("/:how/", (c) => c.text(`${c.var.user} ${c.var.host.state} ${c.env.TOKEN}`));
  for (const path of ["/alone/", "/together/"]) {
    assert.is(await (await app.request(path, {}, { TOKEN: "x" })).text(), "Ann created x");
  }
  // @ts-expect-error an environment without the variables
  hostContext<{ Variables: { user: string } }>(host);

  const inferred = new Hono().use(hostContext(host)).get("/", (c) => {
    same<typeof c.var.host, Host>(true);
    return c.text(c.var.host.state);
  });
  assert.is(await (await inferred.request("/")).text(), "created");

  const alone = new Hono<{ Bindings: Larger["Bindings"] }>().get("/", hostContext(host), (c) => {
    same<typeof c.var.host, Host>(true);
    return c.text(`${c.var.host.state} ${c.env.TOKEN}`);
  });
  assert.is(await (await alone.request("/", {}, { TOKEN: "x" })).text(), "created x");
});

test("hostContext() leaves a request alone that does not ask for its signal", async () => {
  const { host } = rig([]);
  const source = new Source();
  const response = new Response(source.body);
  const app = new Hono<HostEnv>();
  app.use(hostContext(host));
  app.get("/", () => response);
  const { request, listeners } = client();
  assert.is(await app.fetch(request), response);
  assert.is(response.body, source.body);
  assert.is(listeners.added, 0);
});

test("requestSignal() is one signal, that aborts when the client goes away", async () => {
  const { host } = rig([]);
  const app = new Hono<HostEnv>();
  app.use(hostContext(host));
  const gate = new Gate();
  let signal!: AbortSignal;
  app.get("/", async (c) => {
    signal = c.var.requestSignal();
    assert.is(c.var.requestSignal(), signal);
    await gate.promise;
    return c.text("late");
  });
  const { request, leave, listeners } = client();
  const response = app.fetch(request);
  await quiet();
  assert.is(signal.aborted, false);
  assert.is(listeners.now, 1);
  const reason = new Error("Closed");
  leave(reason);
  assert.is(signal.aborted, true);
  assert.is(signal.reason.name, "AbortError");
  assert.is(signal.reason.message, "The client has gone away");
  assert.is(signal.reason.cause, request.signal.reason);
  assert.is(listeners.now, 0);
  gate.open();
  assert.is((await response).status, 200);
});

test("requestSignal() has aborted when the client has already gone away", async () => {
  const { app, signals, host } = web(() => null);
  const { request, leave, listeners } = client();
  leave(new Error("Closed"));
  await app.fetch(request);
  assert.is(signals[0]!.aborted, true);
  await host.start();
  await host.stop();
  assert.is(listeners.now, 0);
});

for (
  const [what, reason] of [
    ["a text", "Client connection prematurely closed."],
    ["nothing", undefined],
    ["an AbortError", new DOMException("Gone", "AbortError")],
  ] as const
) {
  test(`requestSignal() has an AbortError for a reason when the runtime tells ${what}`, async () => {
    const { app, signals, host } = web(() => null);
    const { request, leave } = client();
    leave(reason);
    await app.fetch(request);
    const seen = signals[0]!.reason;
    assert.instance(seen, Error);
    assert.is(seen.name, "AbortError");
    if (typeof reason === "string") assert.is(seen.cause, reason);
    if (reason instanceof Error) assert.is(seen, reason, "it is one already");
    await host.stop();
  });
}

test("requestSignal() aborts when the host closes its intake, after the drain delay", async () => {
  const source = new Source();
  const { app, signals, host, clock } = web(() => source.body, { drainDelay: 5_000 });
  const running = host.run();
  await quiet();
  const response = await app.request("/");
  host.lifetime.stopApplication(new Error("Deploy"));
  await clock.advance(4_999);
  assert.is(signals[0]!.aborted, false, "streams go on while others learn of the stop");
  await clock.advance(1);
  assert.is(signals[0]!.aborted, true);
  assert.is(signals[0]!.reason, host.lifetime.stopping.reason);
  source.controller.close();
  await response.text();
  await running;
});

test("requestSignal() aborts in a direct stop, before the stopping hooks have run", async () => {
  const source = new Source();
  const { app, signals, host } = web(() => source.body);
  await host.start();
  const response = await app.request("/");
  const stopping = host.stop();
  assert.is(signals[0]!.aborted, true);
  assert.is((signals[0]!.reason as Error).name, "AbortError");
  assert.is((signals[0]!.reason as Error).message, "The host is stopping");
  source.controller.close();
  await response.text();
  await stopping;
});

test("requestSignal() has aborted for a request that comes after the intake was closed", async () => {
  const { app, signals, host } = web(() => "late");
  await host.start();
  await host.stop();
  assert.is(await (await app.request("/")).text(), "late");
  assert.is(signals[0]!.aborted, true);
});

test("requestSignal() keeps status and headers of a body, and the body", async () => {
  const source = new Source();
  const { app } = web(() => source.body);
  app.get("/cookies", (c) => {
    c.header("set-cookie", "a=1", { append: true });
    c.header("set-cookie", "b=2", { append: true });
    c.var.requestSignal();
    return c.json({ fine: true });
  });
  const response = await app.request("/");
  assert.is(response.status, 201);
  assert.is(response.headers.get("x-kept"), "yes");
  source.write("one ");
  source.write("two");
  source.controller.close();
  assert.is(await response.text(), "one two");

  const json = await app.request("/cookies");
  assert.match(json.headers.get("content-type")!, "application/json");
  assert.equal(json.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.equal(await json.json(), { fine: true });
});

test("requestSignal() reads a body only as fast as it is read", async () => {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(1));
    },
  }, { highWaterMark: 0 });
  const { app } = web(() => body);
  const response = await app.request("/");
  await quiet();
  assert.is(pulled, 0);
  const reader = response.body!.getReader();
  await reader.read();
  await quiet();
  assert.is(pulled, 1);
  await reader.cancel();
});

for (
  const [what, body] of [
    ["is empty", () => null],
    ["was read to its end", () => "text"],
  ] as const
) {
  test(`requestSignal() leaves no listener when the body ${what}`, async () => {
    const { app, signals, host } = web(body);
    const { request, listeners } = client();
    const response = await app.fetch(request);
    await response.text();
    assert.is(listeners.added, 1);
    assert.is(listeners.now, 0);
    await host.start();
    await host.stop();
    assert.is(signals[0]!.aborted, false, "the response had ended");
  });
}

test("requestSignal() listens for as long as the body lasts", async () => {
  const source = new Source();
  const { app, signals } = web(() => source.body);
  const { request, listeners, leave } = client();
  const response = await app.fetch(request);
  source.write("one");
  const reader = response.body!.getReader();
  await reader.read();
  assert.is(listeners.now, 1);
  leave(new Error("Closed"));
  assert.is(signals[0]!.aborted, true);
  assert.is(listeners.now, 0);
  source.controller.close();
  assert.is((await reader.read()).done, true);
});

test("requestSignal() leaves no listener when the body fails, and passes the failure on", async () => {
  const source = new Source();
  const { app, signals, host } = web(() => source.body);
  const { request, listeners } = client();
  const text = (await app.fetch(request)).text();
  const error = new Error("Broken");
  source.controller.error(error);
  assert.is(await rejection(text), error);
  assert.is(listeners.now, 0);
  await host.start();
  await host.stop();
  assert.is(signals[0]!.aborted, false);
});

test("requestSignal() aborts when the body is cancelled, and leaves no listener", async () => {
  const source = new Source();
  const { app, signals } = web(() => source.body);
  const { request, listeners } = client();
  const reader = (await app.fetch(request)).body!.getReader();
  const read = reader.read();
  await reader.cancel("enough");
  assert.is((await read).done, true);
  assert.is(source.cancelled, "enough");
  assert.is(signals[0]!.aborted, true);
  assert.is((signals[0]!.reason as Error).name, "AbortError");
  assert.is((signals[0]!.reason as Error).cause, "enough");
  assert.is(listeners.now, 0);
});

test("requestSignal() aborts for HEAD, whose body nobody reads", async () => {
  const source = new Source();
  const { app, signals } = web(() => source.body);
  const { request, listeners } = client({ method: "HEAD" });
  const response = await app.fetch(request);
  assert.is(response.body, null);
  assert.is(response.headers.get("x-kept"), "yes");
  assert.is(signals[0]!.aborted, true);
  assert.is(listeners.now, 0);
});

for (const thrown of [new Error("Broken"), "broken"]) {
  test(`requestSignal() leaves no listener when the handler throws ${typeof thrown}`, async () => {
    const { host } = rig([]);
    const app = new Hono<HostEnv>();
    app.use(hostContext(host));
    app.onError((_, c) => c.text("sorry", 500));
    app.get("/", (c) => {
      c.var.requestSignal();
      throw thrown;
    });
    const { request, listeners } = client();
    const outcome = await Promise.resolve(app.fetch(request)).then((it) => it.text(), (it) => it);
    assert.is(outcome, thrown instanceof Error ? "sorry" : thrown);
    assert.is(listeners.added, 1);
    assert.is(listeners.now, 0);
  });
}

test("requestSignal() says so when it is asked for too late", async () => {
  const { host } = rig([]);
  const gate = new Gate();
  const app = new Hono<HostEnv>();
  let late!: Fate;
  app.use(hostContext(host));
  app.get("/", (c) => {
    late = new Fate(gate.promise.then(() => c.var.requestSignal()));
    return c.text("early");
  });
  await app.request("/");
  gate.open();
  await quiet();
  assert.is(late.state, "rejected");
  assert.match(`${late.reason}`, "before the response is returned");
});

test("requestSignal() ends an SSE stream when the host stops", async () => {
  const { host } = rig([]);
  const app = new Hono<HostEnv>();
  app.use(hostContext(host));
  app.get("/", (c) => {
    const signal = c.var.requestSignal();
    return streamSSE(c, async (sse) => {
      await sse.writeSSE({ data: "hello" });
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await sse.writeSSE({ data: "goodbye" });
    });
  });
  await host.start();
  const { request, listeners } = client();
  const response = await app.fetch(request);
  assert.match(response.headers.get("content-type")!, "text/event-stream");
  const text = response.text();
  await quiet();
  await host.stop();
  assert.is(await text, "data: hello\n\ndata: goodbye\n\n");
  assert.is(listeners.now, 0);
});

test("requestSignal() aborts when the reader of a Hono stream goes away", async () => {
  const { host } = rig([]);
  const app = new Hono<HostEnv>();
  let signal!: AbortSignal;
  app.use(hostContext(host));
  app.get("/", (c) => {
    signal = c.var.requestSignal();
    return stream(c, async (out) => {
      await out.write("x");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
  });
  const reader = (await app.request("/")).body!.getReader();
  await reader.read();
  await reader.cancel();
  assert.is(signal.aborted, true);
});

test("requestSignal() listens to lifetime.closing once, however many requests and routes", async () => {
  const { host } = rig([]);
  const { lifetime } = host;
  const closing = new Listeners(lifetime.closing);
  const stopping = new Listeners(lifetime.stopping);
  const answer = new Gate();
  const app = new Hono<HostEnv>();
  const reasons: unknown[] = [];
  for (const path of ["/a", "/b"]) {
    app.get(path, hostContext(host), async (c) => {
      const signal = c.var.requestSignal();
      await answer.promise;
      reasons.push(signal.reason);
      return c.text("");
    });
  }
  await host.start();
  const asked = Array.from({ length: 100 }, (_, i) => app.request(i % 2 ? "/a" : "/b"));
  await quiet();
  assert.is(closing.now, 1);
  const stopped = host.stop();
  answer.open();
  await Promise.all(asked);
  assert.equal(reasons.length, 100);
  assert.ok(reasons.every((it) => it === lifetime.closing.reason));
  await stopped;
  assert.equal([closing.added, closing.now, stopping.added], [1, 0, 0]);
});

// On the wire, by the server of this runtime.

type Answer = (
  c: Context<HostEnv>,
  signal: AbortSignal,
) => Response | Promise<Response>;

const answers = {
  late: async (c, signal) => {
    await aborted(signal);
    return c.text("late");
  },
  stream: (c, signal) =>
    streamSSE(c, async (sse) => {
      await sse.writeSSE({ data: "hello" });
      await aborted(signal);
      await sse.writeSSE({ data: "goodbye" });
    }),
  text: (c) => c.text("text"),
  empty: (c) => c.body(null, 204),
} satisfies Record<string, Answer>;

/** A request on its way to an application, and its signal. */
async function asked(
  answer: Answer,
): Promise<{ host: Host; client: Client; signal: AbortSignal; lines: Lines }> {
  const app = new Hono<HostEnv>();
  const lines = new Lines();
  let url = "";
  const host = createHost([server(app.fetch)], {
    logger: lines,
    onEvent: (event) => event.type === "serviceListening" && (url = event.url),
  });
  const signal = new Promise<AbortSignal>((resolve) => {
    app.use(hostContext(host)).get("/", (c) => {
      const signal = c.var.requestSignal();
      resolve(signal);
      return answer(c, signal);
    });
  });
  await host.start();
  const client = await Client.connect(url);
  client.get("/");
  return { host, client, signal: await signal, lines };
}

for (const how of ["late", "stream"] as const) {
  test(`requestSignal() aborts when the client hangs up on a ${how} answer`, async () => {
    const { host, client, signal } = await asked(answers[how]);
    if (how === "stream") await client.receive(/hello/);
    assert.is(signal.aborted, false);
    client.close();
    await aborted(signal);
    await host.stop();
  });

  test(`requestSignal() lets a ${how} answer end when the host stops`, async () => {
    const { host, client, signal } = await asked(answers[how]);
    if (how === "stream") await client.receive(/hello/);
    const stopped = host.stop();
    assert.is(signal.aborted, true);
    await client.receive(how === "late" ? /late/ : /goodbye/);
    await stopped;
  });
}

for (const how of ["text", "empty"] as const) {
  test(`requestSignal() does not abort after a ${how} answer`, async () => {
    const { host, client, signal } = await asked(answers[how]);
    await client.receive(how === "text" ? /text/ : /\r\n\r\n/);
    client.close();
    await host.stop();
    assert.is(signal.aborted, false);
  });
}

test("waitUntil() hands work to the service of the server, where it gives the context", async () => {
  const gate = new Gate();
  const { host, client, lines } = await asked((c) => {
    c.var.waitUntil(gate.promise);
    c.var.waitUntil({ then: (_, fail) => Promise.reject(new Error("No mail")).then(null, fail) });
    return c.text("accepted", 202);
  });
  await client.receive(/accepted/);
  const stopped = host.stop();
  const fate = new Fate(stopped);
  await client.closed;
  await quiet();
  assert.is(fate.state, "pending");
  gate.open();
  await stopped;
  assert.is(lines.heads.filter((line) => /waitUntil failed .* No mail$/.test(line)).length, 1);
});

test("waitUntil() hands work to the host: the stop waits for it", async () => {
  const { host, events } = rig([]);
  const gate = new Gate();
  const app = new Hono<HostEnv>();
  app.use(hostContext(host));
  app.get("/", (c) => {
    const { waitUntil } = c.var;
    waitUntil(gate.promise);
    return c.text("accepted", 202);
  });
  await host.start();
  assert.is((await app.request("/")).status, 202);
  const stopping = new Fate(host.stop());
  await quiet();
  assert.is(stopping.state, "pending");
  gate.open();
  await quiet();
  assert.is(stopping.state, "fulfilled");
  const handed = events.filter((event) => "phase" in event && event.phase === "waitUntil");
  assert.equal(handed.map(({ type }) => type), ["serviceBegan", "serviceDone"]);
});

test("waitUntil() reports what fails", async () => {
  const { host, lines } = rig([]);
  const app = new Hono<HostEnv>();
  app.use(hostContext(host));
  app.get("/", (c) => {
    c.var.waitUntil(Promise.reject(new Error("No mail")));
    return c.text("accepted", 202);
  });
  await host.start();
  await app.request("/");
  await quiet();
  assert.equal(lines.heads, ['error: Service "host": waitUntil failed after 0 ms: Error: No mail']);
  await host.stop();
});

test("waitUntil() hands work to the execution context of the request, if there is one", async () => {
  const { host } = rig([]);
  const app = new Hono<HostEnv>();
  app.use(hostContext(host));
  const work = Promise.resolve();
  app.get("/", (c) => {
    c.var.waitUntil(work);
    return c.text("accepted", 202);
  });
  const kept: unknown[] = [];
  const context = {
    waitUntil(this: unknown, promise: Promise<unknown>): void {
      assert.is(this, context, "called as a method");
      kept.push(promise);
    },
    passThroughOnException(): void {},
    props: {},
  };
  await app.request("/", {}, {}, context);
  assert.equal(kept.length, 1);
  assert.is(kept[0], work);
});

test("probeHandler() answers the three probes of a Hono application, under any prefix", async () => {
  const { host } = rig([]);
  const app = new Hono()
    .get("/:probe{livez|startupz|readyz}", probeHandler(host))
    .get("/internal/health/:probe{livez|startupz|readyz}", probeHandler(host))
    .get("/readyz/other", (c) => c.text("mine"));
  await host.start();
  for (const prefix of ["", "/internal/health"]) {
    for (const name of ["livez", "startupz", "readyz"]) {
      const response = await app.request(`${prefix}/${name}`);
      assert.is(response.status, 200);
      assert.is(await response.text(), "ok");
      const head = await app.request(`${prefix}/${name}`, { method: "HEAD" });
      assert.is(head.status, 200);
      assert.is(head.body, null);
    }
  }
  assert.is(await (await app.request("/readyz/other")).text(), "mine");
  assert.is((await app.request("/healthz")).status, 404);
  await host.stop();
  assert.is((await app.request("/livez")).status, 503);
});

test.run();
