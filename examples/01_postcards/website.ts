import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import { svg } from "./landscape.ts";
import type { Postcards } from "./postcards.ts";

const page = await readFile(new URL("./page.html", import.meta.url), "utf8");

/** The page, and what it asks for. */
export function website(postcards: Postcards): Hono {
  const app = new Hono();

  app.get("/", (c) => c.html(page));

  app.get("/postcards", async (c) => c.json(await postcards.all()));

  app.post("/postcards", async (c) => {
    const text = (await c.req.text()).trim();
    if (text.length < 1 || text.length > 40) return c.text("Write 1 to 40 characters", 400);
    return c.json(await postcards.add(text), 202);
  });

  app.get("/postcards/:id{[0-9]{1,9}}", async (c) => {
    const picture = await postcards.picture(Number(c.req.param("id")));
    if (picture === undefined) return c.notFound();
    return c.body(svg(picture), 200, { "Content-Type": "image/svg+xml" });
  });

  return app;
}
