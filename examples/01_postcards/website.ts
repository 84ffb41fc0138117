import { readFile } from "node:fs/promises";
import type { Host } from "@runhost/host";
import { dashboard } from "@runhost/host/dashboard";
import type { JobRecord, Jobs } from "@runhost/host/jobs";
import { type Context, Hono } from "hono";
import { landscape, svg } from "./landscape.ts";
import { paint } from "./painter.ts";

const page = await readFile(new URL("./page.html", import.meta.url), "utf8");

/** What the website works with. */
export interface WebsiteOptions {
  readonly jobs: Jobs;
  readonly host: Host;
  /** Whether a request comes from somebody who may see the dashboard and change what it shows. */
  readonly isOperator: (c: Context) => boolean;
}

/** A line of text, and how far its picture is. */
interface Postcard {
  readonly id: string;
  readonly text: string;
  readonly state: "queued" | "painting" | "done" | "given up";
  /** How many layers of the picture there are. */
  readonly layers: number;
}

/** The page, and what it asks for; and the dashboard. */
export function website({ jobs, host, isOperator }: WebsiteOptions): Hono {
  const app = new Hono();

  app.get("/", (c) => c.html(page));

  app.get("/postcards", async (c) => {
    const { jobs: newest } = await jobs.list({ job: paint.name, limit: 100 });
    return c.json(newest.map(postcardOf));
  });

  app.post("/postcards", async (c) => {
    const text = (await c.req.text()).trim();
    if (text.length < 1 || text.length > 40) return c.text("Write 1 to 40 characters", 400);
    return c.json({ id: await jobs.enqueue(paint, { text }), text }, 202);
  });

  app.get("/postcards/:id", async (c) => {
    const job = await jobs.get(c.req.param("id"));
    if (job?.name !== paint.name) return c.notFound();
    const { text, layers } = postcardOf(job);
    const picture = svg(landscape(text).slice(0, layers).join(""));
    return c.body(picture, 200, { "Content-Type": "image/svg+xml" });
  });

  // Open to programs of this machine alone. Put here what your application knows of its users: a session with a role,
  // say, or `true` behind a proxy that asks for a password.
  app.route("/dashboard", dashboard(host, { jobs, authorize: isOperator }));

  return app;
}

/** A postcard is a job: its text is the input, its layers are the progress. */
function postcardOf({ id, input, state, progress }: JobRecord): Postcard {
  return {
    id,
    text: JSON.parse(input).text,
    state: states[state] ?? "queued",
    layers: Number(progress ?? 0),
  };
}

const states: Readonly<Record<string, Postcard["state"]>> = {
  processing: "painting",
  succeeded: "done",
  failed: "given up",
  cancelled: "given up",
};
