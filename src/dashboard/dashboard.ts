import { type Context, Hono } from "hono";
import { html } from "hono/html";
import { basePath } from "hono/route";
import { streamSSE } from "hono/streaming";
import { Latch, link } from "../_abort.ts";
import { place as findPlace } from "../_builtin.ts";
import { check, checkNames, nothing } from "../_check.ts";
import { hostLink } from "../_host/host_link.ts";
import { Rest } from "../_time/rest.ts";
import { globalClock } from "../_time/timer.ts";
import { onAbort } from "../on_abort.ts";
import type { Host } from "../types.ts";
import type { JobRecord } from "../jobs/job_record.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { type Access, isOwnRequest } from "./_access.ts";
import { Events } from "./_events.ts";
import { hostPage } from "./_host_page.ts";
import { jobPage } from "./_job_page.ts";
import { filterOf, jobsPage } from "./_jobs_page.ts";
import { layout } from "./_layout.ts";
import type { Markup } from "./_markup.ts";
import { overviewPage } from "./_overview_page.ts";
import { queuesPage } from "./_queues_page.ts";
import { recurringPage } from "./_recurring_page.ts";
import { serversPage } from "./_servers_page.ts";
import { type JobPart, jobPath, type JobsView, type View } from "./_view.ts";

/** Options of a {@linkcode dashboard}. */
export interface DashboardOptions {
  /** A job server or a job client, which must have started. Without one there is the page of the host alone. */
  readonly jobs?: Jobs | undefined;
  /**
   * Says, for each request, what may be done: `false` nothing, `"read"` look, `true` look and change. Nothing is open
   * unless this says so; any other answer counts as `false`. Ask what your application asks: a session, a role, a token.
   */
  readonly authorize: (c: Context) => Access | Promise<Access>;
  /**
   * Gives what is shown of a value, so that passwords and addresses are not. A search still finds what is stored.
   *
   * @param part Which part of the job it is.
   * @default {(value) => value}
   */
  readonly format?: ((value: unknown, job: JobRecord, part: JobPart) => unknown) | undefined;
  /**
   * The path under which a browser finds it, without a slash at its end: behind a proxy that cuts paths, or under
   * Hono's `mount`. `route` needs none.
   *
   * @default {where `route` has put it}
   */
  readonly basePath?: string | undefined;
}

/** Milliseconds between two looks for what is new, and after which a silent stream shows that it lives. */
const lookEvery = 1_000;
const aliveEvery = 15_000;

/** The most ids that one request changes. */
const mostIds = 1_000;

/**
 * A dashboard for a host and its jobs: an application of Hono to be put anywhere by `route`. Rendered here, without a
 * build step; live by server-sent events, which end when the host closes its intake; it works without JavaScript, too.
 *
 * Changes are made by POST, and taken from its own pages alone. All that is stored is escaped, and no script but its own runs.
 *
 * @param host Whose services it shows.
 * @throws {TypeError} If an option is missing or has the wrong type.
 *
 * @example In an application
 * ```ts
 * import { createHost } from "@runhost/host";
 * import { dashboard } from "@runhost/host/dashboard";
 * import { Hono } from "hono";
 * import { equal } from "node:assert/strict";
 *
 * const host = createHost([]);
 * const app = new Hono();
 * app.route("/dashboard", dashboard(host, {
 *   authorize: (c) => c.req.header("x-role") === "operator" ? true : false,
 * }));
 *
 * await host.start();
 * equal((await app.request("/dashboard")).status, 403);
 * const page = await app.request("/dashboard", { headers: { "x-role": "operator" } });
 * equal(page.status, 200);
 * await host.stop();
 * ```
 */
export function dashboard(host: Host, options: DashboardOptions): Hono {
  hostLink(host);
  const label = "dashboard options";
  check(label, options, { authorize: nothing });
  checkNames(label, options, ["jobs", "authorize", "format", "basePath"]);
  const { jobs, authorize, format = (value: unknown) => value } = options;
  if (jobs !== undefined) check(`${label}.jobs`, jobs, { list: nothing, counts: nothing });
  check(`${label}.format`, format, nothing);
  check(`${label}.basePath`, options.basePath ?? "", "");

  const events = new Events(host);
  const place = findPlace();
  const accesses = new WeakMap<Request, Access>();

  const baseOf = (c: Context): string => (options.basePath ?? basePath(c)).replace(/\/+$/, "");
  const viewOf = (c: Context): View => ({
    base: baseOf(c),
    mayChange: accesses.get(c.req.raw) === true,
    query: new URL(c.req.url).searchParams,
    now: Date.now(),
    format,
  });

  /** Answers with a page, or with what changes in it from now on. */
  async function show(
    c: Context,
    title: string,
    path: string,
    render: () => Promise<Markup | undefined>,
  ): Promise<Response> {
    if (c.req.query("live") !== undefined) return live(c, host, render);
    const content = await render();
    const nonce = crypto.randomUUID();
    c.header("content-security-policy", policy(nonce));
    c.header("cache-control", "no-store");
    const { base, mayChange } = viewOf(c);
    const page = layout({
      title,
      base,
      path,
      hasJobs: jobs !== undefined,
      mayChange,
      name: place.hostname,
      nonce,
      isLive: content !== undefined,
      content: content ?? missing(base),
    });
    return c.html(page, content ? 200 : 404);
  }

  const app = new Hono();
  app.use(async (c, next) => {
    const access = await authorize(c);
    if (access !== true && access !== "read") {
      return c.text("Forbidden: the dashboard's authorize does not let you in", 403);
    }
    const isChange = c.req.method !== "GET" && c.req.method !== "HEAD";
    if (isChange && access !== true) return c.text("Forbidden: you may only look", 403);
    if (isChange && !isOwnRequest(c)) {
      return c.text("Forbidden: this does not come from a page of the dashboard", 403);
    }
    accesses.set(c.req.raw, access);
    c.header("x-content-type-options", "nosniff");
    c.header("referrer-policy", "same-origin");
    c.header("x-frame-options", "DENY");
    await next();
  });

  const showHost = (path: string) => (c: Context) =>
    show(c, "Host", path, () => hostPage(host, events, place, viewOf(c)));
  if (!jobs) {
    app.get("/", showHost(""));
    return app;
  }

  const jobsView = async (c: Context): Promise<JobsView> => ({
    ...viewOf(c),
    jobs,
    now: await jobs.now(),
  });
  const page = (title: string, path: string, render: (view: JobsView) => Promise<Markup>): void => {
    app.get(path || "/", (c) => show(c, title, path, async () => render(await jobsView(c))));
  };
  page("Overview", "", overviewPage);
  page("Queues", "/queues", queuesPage);
  page("Jobs", "/jobs", jobsPage);
  page("Recurring", "/recurring", recurringPage);
  page("Servers", "/servers", serversPage);
  app.get("/host", showHost("/host"));
  app.get(
    "/jobs/:id",
    (c) => show(c, "Job", "/jobs", async () => jobPage(await jobsView(c), c.req.param("id"))),
  );

  const backTo = (c: Context, path: string): Response => c.redirect(`${baseOf(c)}${path}`, 303);
  app.post("/jobs/:id/requeue", async (c) => {
    await jobs.requeue(c.req.param("id"));
    return c.redirect(jobPath(viewOf(c), c.req.param("id")), 303);
  });
  app.post("/jobs/:id/cancel", async (c) => {
    await jobs.cancel(c.req.param("id"));
    return c.redirect(jobPath(viewOf(c), c.req.param("id")), 303);
  });
  app.post("/queues/:queue/pause", async (c) => {
    await jobs.pause(c.req.param("queue"));
    return backTo(c, "/queues");
  });
  app.post("/queues/:queue/resume", async (c) => {
    await jobs.resume(c.req.param("queue"));
    return backTo(c, "/queues");
  });
  app.post("/recurring/:id/trigger", async (c) => {
    await jobs.trigger(c.req.param("id"));
    return backTo(c, "/recurring");
  });
  app.post("/jobs", async (c) => {
    const form = await c.req.formData();
    const query = new URLSearchParams(`${form.get("back") ?? ""}`);
    query.delete("live");
    const ids = form.getAll("id").map(String).slice(0, mostIds);
    const filter = filterOf(query);
    const what = form.get("do");
    if (what === "requeue") { for (const id of ids) await jobs.requeue(id); }
    if (what === "cancel") { for (const id of ids) await jobs.cancel(id); }
    if (what === "requeueAll") await jobs.requeueAll(filter);
    if (what === "cancelAll") await jobs.cancelAll(filter);
    return backTo(c, `/jobs?${query}`);
  });
  return app;
}

/** Sends what a page shows, each time that it is another, until the client goes or the host closes its intake. */
function live(
  c: Context,
  host: Host,
  render: () => Promise<Markup | undefined>,
): Response {
  c.header("cache-control", "no-store");
  c.header("x-accel-buffering", "no"); // a proxy that buffers would show nothing
  return streamSSE(c, async (stream) => {
    const over = new Latch();
    const rest = new Rest();
    const end = (): void => over.abort(undefined);
    const unlink = onAbort(host.lifetime.closing, end);
    const unlinkClient = link(c.req.raw.signal, end);
    stream.onAbort(end);
    let shown: string | undefined;
    let sentAt = 0;
    try {
      while (!over.aborted) {
        const text = `${await (await render()) ?? ""}`;
        const now = globalClock.now();
        if (text !== shown) {
          await stream.writeSSE({ data: JSON.stringify(text) });
          sentAt = now;
        } else if (now - sentAt > aliveEvery) {
          await stream.write(": alive\n\n");
          sentAt = now;
        }
        shown = text;
        await rest.wait(lookEvery, globalClock, over.signal);
      }
    } finally {
      unlink();
      unlinkClient();
    }
  });
}

function policy(nonce: string): string {
  return [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src data:",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function missing(base: string): Markup {
  return html`
    <div
      class="panel empty">There is no such job: it may have been deleted after its time. <a href="${base}/jobs">All jobs</a></div>
  `;
}
