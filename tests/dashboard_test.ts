import { Hono } from "hono";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { backgroundService, createHost, delay, type Host, hostedService } from "../mod.ts";
import { dashboard, type DashboardOptions } from "../src/dashboard/mod.ts";
import { defineJob, type JobServer, jobServer } from "../src/jobs/mod.ts";
import { FakeClock, FakeJobStorage, quiet } from "../src/testing/mod.ts";
import { guard } from "./_guard.ts";

guard(test);

const evil = `<script>alert("x")</script>`;

const fail = defineJob(`fail ${evil}`, {
  retry: { attempts: 1 },
  execute: (_: unknown) => {
    throw new Error(`It says ${evil}`);
  },
});
const done = defineJob("done", { queue: `q ${evil}`, execute: (input: unknown) => input });

interface Site {
  readonly host: Host;
  readonly jobs: JobServer;
  readonly clock: FakeClock;
  readonly app: Hono;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  text(path: string): Promise<string>;
  post(
    path: string,
    body?: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<Response>;
}

/** A host whose dashboard is at /d. */
async function site(options: Partial<DashboardOptions> = {}): Promise<Site> {
  const clock = new FakeClock();
  const storage = new FakeJobStorage({ clock, epoch: Date.now() });
  const jobs = jobServer("jobs", {
    storage,
    jobs: [fail, done],
    recurring: { [`r ${evil}`]: { job: done, input: 1, pattern: "0 0 1 1 *" } },
  });
  const services = [
    jobs,
    hostedService(`db ${evil}`, { health: () => Promise.reject(new Error(evil)) }),
    backgroundService("poller", (signal) => delay(1e9, { signal })),
  ];
  const host = createHost(services, { logger: false, hostLifetime: false, clock });
  const app = new Hono();
  app.route("/d", dashboard(host, { jobs, authorize: () => true, ...options }));
  await host.start();
  await quiet();
  const get = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    await app.request(`http://x.example${path}`, { headers });
  return {
    host,
    jobs,
    clock,
    app,
    get,
    text: async (path) => await (await get(path)).text(),
    async post(path, body = {}, headers = { "sec-fetch-site": "same-origin" }) {
      return await app.request(`http://x.example${path}`, {
        method: "POST",
        body: new URLSearchParams(body),
        headers,
      });
    },
  };
}

const pages = ["", "/queues", "/jobs", "/recurring", "/servers", "/host"];

test("times are told by the clock of the storage, which may be another one", async () => {
  const clock = new FakeClock();
  const storage = new FakeJobStorage({ clock, epoch: Date.now() - 3 * 3_600_000 });
  const jobs = jobServer("jobs", { storage, jobs: [done] });
  const host = createHost([jobs], { logger: false, hostLifetime: false, clock });
  const app = new Hono().route("/d", dashboard(host, { jobs, authorize: () => true }));
  await host.start();
  await jobs.enqueue(done, 1, { delay: 60_000 });
  await clock.advance(2_000);
  const text = await (await app.request("/d/jobs")).text();
  assert.match(text, />2\.0 s ago</);
  assert.match(text, />in 58 s</);
  await host.stop();
});

test("an authorize that throws lets nobody in", async () => {
  const { host, get } = await site({ authorize: () => Promise.reject(new Error("No session")) });
  const errors: unknown[] = [];
  const { error } = console;
  console.error = (it: unknown) => void errors.push(it); // as Hono tells it
  try {
    const answer = await get("/d");
    assert.is(answer.status, 500);
    assert.is(await answer.text(), "Internal Server Error");
    assert.match(String(errors[0]), /No session/);
  } finally {
    console.error = error;
  }
  await host.stop();
});

test("dashboard() shows every page, and lets no text of a job or a service become markup", async () => {
  const { host, jobs, get } = await site();
  const id = await jobs.enqueue(fail, { name: evil });
  await jobs.enqueue(done, evil);
  await quiet();
  for (const path of [...pages, `/jobs/${id}`, `/jobs?search=${encodeURIComponent(evil)}`]) {
    const answer = await get(`/d${path}`);
    assert.is(answer.status, 200, path);
    const text = await answer.text();
    assert.not(text.includes(evil), path);
    if (path !== "/servers") assert.ok(text.includes("&lt;script&gt;"), path);
  }
  await host.stop();
});

test("dashboard() lets nobody in whom authorize does not, whatever else it answers", async () => {
  for (const answer of [false, undefined, null, 1, "true", "write", {}]) {
    const { host, get, post } = await site({ authorize: (async () => answer) as never });
    for (const path of pages) assert.is((await get(`/d${path}`)).status, 403);
    assert.is((await get("/d?live=1")).status, 403);
    assert.is((await post("/d/queues/default/pause")).status, 403);
    await host.stop();
  }
});

test("dashboard() lets one who may only look change nothing, and shows no button", async () => {
  const { host, jobs, text, post } = await site({ authorize: () => "read" });
  const id = await jobs.enqueue(fail, 1);
  await quiet();
  for (const path of [...pages, `/jobs/${id}`]) {
    assert.not(/method="post"/.test(await text(`/d${path}`)), path);
  }
  assert.is((await post(`/d/jobs/${id}/requeue`)).status, 403);
  assert.is((await jobs.get(id))?.state, "failed");
  await host.stop();
});

test("dashboard() takes a change from its own pages alone", async () => {
  const { host, jobs, post } = await site();
  const tries: [Record<string, string>, number][] = [
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ "sec-fetch-site": "same-site" }, 403],
    [{ "sec-fetch-site": "none" }, 403],
    [{}, 403],
    [{ origin: "null" }, 403],
    [{ origin: "http://evil.example" }, 403],
    [{ origin: "http://x.example", "sec-fetch-site": "cross-site" }, 403],
    [{ origin: "http://x.example" }, 303],
    [{ "sec-fetch-site": "same-origin" }, 303],
  ];
  for (const [headers, status] of tries) {
    const { status: got } = await post("/d/queues/default/pause", {}, headers);
    assert.is(got, status, JSON.stringify(headers));
    assert.is((await jobs.queues()).some((it) => it.paused), status === 303);
    await jobs.resume("default");
  }
  await host.stop();
});

test("dashboard() queues again, cancels, pauses, resumes and triggers", async () => {
  const { host, jobs, post } = await site();
  const failed = await jobs.enqueue(fail, 1);
  const later = await jobs.enqueue(done, 1, { delay: 60_000 });
  await quiet();
  const again = await post(`/d/jobs/${failed}/requeue`);
  assert.is(again.headers.get("location"), `/d/jobs/${failed}`);
  await quiet();
  assert.is((await jobs.get(failed))?.attempts.length, 2);
  await post(`/d/jobs/${later}/cancel`);
  assert.is((await jobs.get(later))?.state, "cancelled");
  await post("/d/queues/default/pause");
  assert.is((await jobs.queues()).find((it) => it.queue === "default")?.paused, true);
  await post("/d/queues/default/resume");
  assert.is((await jobs.queues()).find((it) => it.queue === "default")?.paused, false);
  const before = await jobs.counts();
  await post(`/d/recurring/${encodeURIComponent(`r ${evil}`)}/trigger`);
  await quiet();
  assert.is((await jobs.counts()).succeeded, before.succeeded + 1);
  await host.stop();
});

test("dashboard() changes chosen jobs, or all that the filter meets, and comes back to the same list", async () => {
  const { host, jobs, post } = await site();
  const ids = await jobs.enqueueAll(done, [1, 2, 3], { delay: 60_000 });
  const form = { do: "cancel", id: ids[0]!, back: "state=scheduled&live=1" };
  const answer = await post("/d/jobs", form);
  assert.is(answer.headers.get("location"), "/d/jobs?state=scheduled");
  assert.is((await jobs.counts()).cancelled, 1);
  await post("/d/jobs", { do: "cancelAll", back: "state=scheduled" });
  assert.is((await jobs.counts()).cancelled, 3);
  await post("/d/jobs", { do: "rubbish", back: "//evil.example" });
  await host.stop();
});

test("dashboard() pages through a list without losing a job", async () => {
  const { host, jobs, text } = await site();
  await jobs.enqueueAll(done, Array.from({ length: 120 }, (_, i) => i), { delay: 60_000 });
  const seen = new Set<string>();
  let path: string | undefined = "/d/jobs?state=scheduled";
  for (let page = 0; path && page < 10; page++) {
    const content: string = await text(path);
    for (const [, id] of content.matchAll(/name="id" value="([^"]+)"/g)) seen.add(id!);
    path = /rel="next" href="([^"]+)"/.exec(content)?.[1]?.replaceAll("&amp;", "&");
  }
  assert.is(seen.size, 120);
  await host.stop();
});

test("dashboard() says 404 for a job that is not stored", async () => {
  const { host, get } = await site();
  const answer = await get("/d/jobs/nobody");
  assert.is(answer.status, 404);
  assert.match(await answer.text(), "There is no such job");
  await host.stop();
});

test("dashboard() lets in its own script and style alone, and no frame", async () => {
  const { host, get } = await site();
  const answer = await get("/d");
  const policy = answer.headers.get("content-security-policy") ?? "";
  const [, nonce] = /script-src 'nonce-([^']+)'/.exec(policy) ?? [];
  assert.match(policy, "default-src 'none'");
  assert.match(policy, "frame-ancestors 'none'");
  const text = await answer.text();
  for (const [tag] of text.matchAll(/<(script|style)\b[^>]*>/g)) {
    assert.ok(tag.includes(`nonce="${nonce}"`), tag);
  }
  assert.not(/ style="/.test(text));
  assert.not(/ on[a-z]+="/.test(text));
  assert.is(answer.headers.get("cache-control"), "no-store");
  assert.is.not((await get("/d")).headers.get("content-security-policy"), policy);
  await host.stop();
});

test("dashboard() sends a page when it is another, and ends when the host closes its intake", async () => {
  const { host, jobs, get } = await site();
  const answer = await get("/d/jobs?live=1");
  assert.match(answer.headers.get("content-type") ?? "", "text/event-stream");
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  const first = await reader.read();
  assert.match(first.value ?? "", "No job is like this");
  await jobs.enqueue(done, "news");
  const second = await reader.read();
  assert.match(second.value ?? "", "news");
  const stopped = host.stop();
  while (!(await reader.read()).done);
  await stopped;
});

test("dashboard() finds its own path under route, or is told it", async () => {
  const { host, jobs, text } = await site();
  assert.match(await text("/d/queues"), 'href="/d/jobs"');
  const proxied = new Hono();
  const authorize = (): true => true;
  proxied.route("/", dashboard(host, { jobs, authorize, basePath: "/admin/jobs/" }));
  const page = await (await proxied.request("/queues")).text();
  assert.match(page, 'href="/admin/jobs/recurring"');
  await host.stop();
});

test("dashboard() shows the host alone where there are no jobs", async () => {
  const host = createHost([], { logger: false, hostLifetime: false });
  const app = new Hono().route("/", dashboard(host, { authorize: () => "read" }));
  assert.is((await app.request("/")).status, 200);
  assert.is((await app.request("/jobs")).status, 404);
});

test("dashboard() shows what format gives of a value", async () => {
  const { host, jobs, text } = await site({
    format: (value, job, part) => part === "input" && job.name === "done" ? "hidden" : value,
  });
  const id = await jobs.enqueue(done, { password: "secret" }, { delay: 60_000 });
  for (const path of [`/d/jobs/${id}`, "/d/jobs"]) {
    const page = await text(path);
    assert.match(page, "hidden");
    assert.not(page.includes("secret"), path);
  }
  await host.stop();
});

test("dashboard() cuts what is long", async () => {
  const { host, jobs, text } = await site();
  const id = await jobs.enqueue(done, "x".repeat(200_000), { delay: 60_000 });
  assert.ok((await text(`/d/jobs/${id}`)).length < 40_000);
  await host.stop();
});

test("dashboard() refuses bad options by name", () => {
  const host = createHost([], { hostLifetime: false });
  const bad = (options: unknown): () => unknown => () => dashboard(host, options as never);
  assert.throws(bad({}), /dashboard options.authorize/);
  assert.throws(bad({ authorize: () => true, jobs: {} }), /dashboard options.jobs/);
  assert.throws(bad({ authorize: () => true, basePath: 1 }), /dashboard options.basePath/);
  assert.throws(() => dashboard({} as never, { authorize: () => true }), /host/);
});

test.run();
