/** Shows a migration and a cache warm-up that are over before the server listens. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PGlite } from "@electric-sql/pglite";
import { backgroundService, hostedService, runHost } from "@runhost/host/node";

const database = new PGlite(); // in memory
const capitals = new Map<string, string>();
const server = createServer((request, response) => {
  response.end(capitals.get(decodeURI(request.url!.slice(1))) ?? "?");
});

const migration = hostedService("migration", {
  async start() {
    await database.exec(`
      create table capitals (country text primary key, city text not null);
      insert into capitals values ('France', 'Paris'), ('Japan', 'Tokyo'), ('Peru', 'Lima');
    `);
    console.log("migration: done");
  },
  stop: () => database.close(),
});

const cache = hostedService("cache", {
  async start() {
    const { rows } = await database.query<{ country: string; city: string }>(
      "select country, city from capitals",
    );
    for (const { country, city } of rows) capitals.set(country, city);
    console.log(`cache: ${capitals.size} capitals`);
  },
});

const web = hostedService("web", {
  start: () => new Promise<void>((resolve) => server.listen(0, resolve)),
  stop: () => new Promise((resolve) => server.close(resolve)),
});

/** The first visitor; the example ends with it. */
const visitor = backgroundService("visitor", async () => {
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://localhost:${port}/Japan`);
  console.log(`visitor: the capital of Japan is ${await answer.text()}`);
});

await runHost([migration, cache, web, visitor], { stopWhenIdle: true });
