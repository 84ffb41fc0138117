/**
 * A real browser, and a site for it.
 *
 * @module
 */

import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** Starts the browser that is here. */
export async function launch(): Promise<Browser> {
  const executablePath = find();
  if (executablePath === undefined) {
    const where = `neither CHROME_PATH nor the PATH leads to ${names.join(", ")}`;
    throw new Error(`NOT TESTED: nothing has run in a browser, as ${where}`);
  }
  const args = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const root = process.getuid?.() === 0; // for whom there is no sandbox
  return await chromium.launch({ executablePath, args, chromiumSandbox: !root });
}

function find(): string | undefined {
  const { CHROME_PATH, PATH = "" } = process.env;
  const onPath = PATH.split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)));
  return (CHROME_PATH ? [CHROME_PATH] : onPath).find((file) => existsSync(file));
}

/** A site of empty pages, and some of the scripts beside this file. */
export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** Bundles the scripts and serves them. A service worker may do so on this address only. */
export async function serve(...scripts: readonly string[]): Promise<Site> {
  const { outputFiles } = await build({
    entryPoints: scripts.map((name) => fileURLToPath(new URL(`${name}.ts`, import.meta.url))),
    outdir: "/",
    bundle: true,
    format: "esm",
    logLevel: "error",
    write: false,
  });
  const files = new Map(outputFiles.map(({ path, text }) => [path.replaceAll("\\", "/"), text]));
  const server = createServer(({ url = "/" }, response) => {
    const script = [...files].find(([path]) => path.endsWith(url))?.[1];
    response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
    response.end(script ?? "<!doctype html>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
