import { Hono } from "hono";
import type { Visits } from "./visits.ts";

/** What is served. */
export function application(visits: Visits): Hono {
  const app = new Hono();
  app.get("/", (c) => c.text(`Hello, visitor ${++visits.total}\n`));
  return app;
}
