/// <reference lib="dom" />
/** The core in a page and in a service worker, in a real browser without a window. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { launch, serve } from "./_browser.ts";
import type { PageUnderTest } from "./page.ts";

declare const page: PageUnderTest; // in the browser

const browser = await launch();
const site = await serve("page", "service_worker");
const test = suite("browser");

const context = await browser.newContext();
const tab = await context.newPage();
const problems: string[] = [];
tab.on("pageerror", (error) => problems.push(String(error)));
tab.on("console", (message) => message.type() === "error" && problems.push(message.text()));

test.before.each(async () => {
  await tab.goto(site.url);
});
test.after(async () => {
  await browser.close();
  await site.close();
});

test("a host runs in a page, from its start to its stop", async () => {
  await tab.addScriptTag({ url: "/page.js", type: "module" });
  assert.equal(await tab.evaluate(() => page.life()), {
    log: ["open", "close"],
    states: ["pool stopped", "Ticker stopped"],
  });
});

test("a signal ends runHost() in a page", async () => {
  await tab.addScriptTag({ url: "/page.js", type: "module" });
  assert.is(await tab.evaluate(() => page.signal()), "resolved");
});

test("a start that fails in a page is rolled back", async () => {
  await tab.addScriptTag({ url: "/page.js", type: "module" });
  assert.equal(await tab.evaluate(() => page.failure()), ["rolled back", "Out of order"]);
});

test("a stop that hangs in a page is given up and named", async () => {
  await tab.addScriptTag({ url: "/page.js", type: "module" });
  assert.match(`${await tab.evaluate(() => page.hang())}`, 'Cannot stop service "deaf"');
});

test("a stop at pagehide does what needs no waiting", async () => {
  await tab.addScriptTag({ url: "/page.js", type: "module" });
  await tab.evaluate(() => page.untilHidden());
  assert.is(await tab.evaluate(() => localStorage.getItem("draft")), null);
  await tab.goto(`${site.url}/next`);
  assert.is(await tab.evaluate(() => localStorage.getItem("draft")), "saved");
});

test("a lazy host runs in a service worker, and again when the browser has ended that", async () => {
  await tab.evaluate(async () => {
    await navigator.serviceWorker.register("/service_worker.js", { type: "module" });
    await navigator.serviceWorker.ready;
    if (navigator.serviceWorker.controller) return;
    await new Promise((resolve) => {
      navigator.serviceWorker.addEventListener("controllerchange", resolve);
    });
  });
  const ask = (path: string): Promise<string[]> =>
    tab.evaluate(async (path) => await (await fetch(path)).json(), path);
  const answered = async (): Promise<string[]> => {
    for (let tries = 0; tries < 500; tries++) {
      const log = await ask("/log");
      if (log.filter((line) => line === "after the answer").length === 2) return log;
    }
    throw new Error("The work under waitUntil never ended");
  };

  assert.equal(await ask("/log"), []);
  const two = await Promise.all([ask("/hello"), ask("/hello")]);
  for (const log of two) assert.equal(log.slice(0, 2), ["starting", "started"]);
  assert.equal(await answered(), ["starting", "started", "after the answer", "after the answer"]);

  const session = await context.newCDPSession(tab);
  await session.send("ServiceWorker.enable");
  await session.send("ServiceWorker.stopAllWorkers");
  assert.equal(await ask("/log"), [], "a new one");
  assert.equal((await ask("/hello")).slice(0, 2), ["starting", "started"]);
});

test("nothing went wrong unnoticed", () => {
  assert.equal(problems, []);
});

test.run();
