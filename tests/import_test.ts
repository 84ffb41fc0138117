/**
 * What importing the core does: nothing. It is copied to be imported afresh.
 *
 * @module
 */

import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { guard } from "./_guard.ts";

guard(test);

type Core = typeof import("../mod.ts");

/** What the core may look at only when it is used: workerd forbids most of it in global scope. */
const watched = [
  "setTimeout",
  "clearTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "performance",
  "Date",
  "crypto",
  "process",
  "Deno",
  "Bun",
  "navigator",
  "fetch",
  "addEventListener",
  "console",
] as const;

/** What it may take at import, for real turns under test tools that come later; not call. */
const taken: readonly string[] = ["performance", "setImmediate", "setTimeout"];

/** A fresh copy of the core, as no module has imported it. */
function copy(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "runhost-import-"));
  const root = fileURLToPath(new URL("..", import.meta.url));
  cpSync(join(root, "mod.ts"), join(folder, "mod.ts"));
  cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  return folder;
}

/** Replaces globals by accessors that throw for the modules in a folder, and for nobody else. */
function forbid(folder: string): { readonly touched: string[]; restore(): void } {
  const touched: string[] = [];
  const kept = watched.map((name) =>
    [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const
  );
  for (const [name, descriptor] of kept) {
    if (descriptor && !descriptor.configurable) continue;
    let value: unknown = Reflect.get(globalThis, name);
    const use = (): never => {
      touched.push(name);
      throw new Error(`${name} was used`);
    };
    Object.defineProperty(globalThis, name, {
      configurable: true,
      enumerable: true,
      get() {
        if (!caller().includes(folder)) return value;
        if (!taken.includes(name)) use();
        return name === "performance" ? { now: use } : use;
      },
      set(next: unknown) {
        value = next;
      },
    });
  }
  return {
    touched,
    restore() {
      for (const [name, descriptor] of kept) {
        if (descriptor?.configurable) Object.defineProperty(globalThis, name, descriptor);
        else if (!descriptor) Reflect.deleteProperty(globalThis, name);
      }
    },
  };
}

/** Who called the function that calls this one, as a line of a stack. */
function caller(): string {
  const lines = (new Error().stack ?? "").split("\n").filter((line) => line.includes(":"));
  return lines.find((line) => !line.includes("import_test")) ?? "";
}

test("importing the core, and createHost(), touch no timer, clock, environment or runtime", async () => {
  const folder = copy();
  const name = basename(folder);
  try {
    const globals = forbid(name);
    let createHost: Core["createHost"];
    try {
      const core: Core = await import(pathToFileURL(join(folder, "mod.ts")).href);
      ({ createHost } = core);
      const service = { start() {}, stop() {} };
      const logger = { debug() {}, info() {}, warn() {}, error() {} };
      const host = createHost([service, () => service], { logger });
      void host.state;
      void host.services;
      void host.lifetime.started;
      host.subscribe(() => {});
      core.hostedService("a", {});
      core.backgroundService("b", async () => {});
    } finally {
      globals.restore();
    }
    assert.equal(globals.touched, []);

    // The trap works: starting does look at the clock.
    const again = forbid(name);
    try {
      await createHost([], { logger: false }).start().catch(() => {});
    } finally {
      again.restore();
    }
    assert.ok(again.touched.length > 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("importing the core adds no global", async () => {
  const folder = copy();
  try {
    const before = Reflect.ownKeys(globalThis);
    await import(pathToFileURL(join(folder, "mod.ts")).href);
    const added = Reflect.ownKeys(globalThis).filter((key) => !before.includes(key));
    assert.equal(added, []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
