import type { Host } from "@runhost/host";
import { dashboard } from "@runhost/host/dashboard";
import type { Jobs } from "@runhost/host/jobs";
import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { html } from "hono/html";
import { greet } from "./greet.ts";

/** What the application needs. */
export interface Needs {
  readonly host: Host;
  readonly jobs: Jobs;
  /** What the dashboard asks for. */
  readonly password: string;
}

/** What is served: a form that makes jobs, and the dashboard. */
export function application({ host, jobs, password }: Needs): Hono {
  const app = new Hono();

  app.get("/", (c) =>
    c.html(html`
      <!doctype html>
      <title>my-app</title>
      <form method="post" action="/greetings">
              <label>Whom to greet: <input name="name" required></label> <button>Greet</button>
            </form>
      <p><a href="/dashboard">Dashboard</a></p>
    `));

  app.post("/greetings", async (c) => {
    const { name } = await c.req.parseBody();
    if (typeof name !== "string" || name === "") {
      return c.text("Whom to greet?\n", 400);
    }
    const id = await jobs.enqueue(greet, { name });
    return c.redirect(`/greetings/${id}`, 303);
  });

  app.get("/greetings/:id", async (c) => {
    const job = await jobs.get(c.req.param("id"));
    if (job === undefined) return c.notFound();
    const { state, result = "null" } = job; // which is stored as JSON
    return c.json({ state, result: JSON.parse(result) });
  });

  app.use("/dashboard/*", basicAuth({ username: "admin", password }));
  app.route("/dashboard", dashboard(host, { jobs, authorize: () => true }));
  return app;
}
