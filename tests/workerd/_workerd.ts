import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The package has no types; it exports the path of its binary. */
const workerd: string = createRequire(import.meta.url)("workerd").default;

/** What calls the handlers of a Worker that no request reaches. */
const driver = fileURLToPath(new URL("driver.ts", import.meta.url));

/** Milliseconds after which an answer will not come. */
const limit = 30_000;

/** How a Worker is to be run. */
export interface WorkerdOptions {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  /** Strings by the names they are bound as. */
  readonly vars?: Readonly<Record<string, string>>;
  /** The Durable Objects: the name they are bound as, and the class the Worker exports. */
  readonly objects?: { readonly name: string; readonly className: string };
}

/** What the platform notes of an event that it has driven. */
export interface Outcome {
  readonly outcome: string;
  readonly explicitAcks?: readonly string[];
  readonly retryMessages?: readonly { readonly msgId: string; readonly delaySeconds?: number }[];
}

/** Bundles a Worker, serves it with a real workerd, asks it once, and returns the answer. */
export async function ask(entry: string, options: WorkerdOptions): Promise<unknown> {
  const served = await Workerd.serve(entry, options);
  try {
    return await served.ask("/");
  } finally {
    await served.close();
  }
}

/** A Worker in a real workerd, with storage that outlives the process. */
export class Workerd {
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #ports = new Map<string, number>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Bundles a Worker and serves it. */
  static async serve(entry: string, options: WorkerdOptions): Promise<Workerd> {
    const served = new Workerd(await mkdtemp(join(tmpdir(), "workerd-")));
    try {
      for (const [name, file] of [["worker", entry], ["driver", driver]] as const) {
        await build({
          entryPoints: [file],
          outfile: join(served.#folder, `${name}.js`),
          bundle: true,
          format: "esm",
          logLevel: "error",
          external: ["cloudflare:*", "node:*"],
        });
      }
      await writeFile(join(served.#folder, "config.capnp"), config(options, served.#folder));
      await served.start();
      return served;
    } catch (error) {
      await served.close();
      throw error;
    }
  }

  /** Starts the process, again with what the one before has stored. */
  async start(): Promise<void> {
    const args = ["serve", join(this.#folder, "config.capnp"), "--experimental", "--control-fd=3"];
    const child = spawn(workerd, args, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
    this.#child = child;
    const exited = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`workerd exited with code ${code}`)));
    });
    exited.catch(() => {}); // later it is told to
    const control = child.stdio[3] as AsyncIterable<unknown>;
    this.#ports = await Promise.race([listening(control), exited]);
  }

  /** Kills the process, as a machine does that loses its power. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child?.pid || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** Kills the process and removes what it has stored. */
  async close(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true });
  }

  /** Where the Worker answers. */
  get url(): string {
    return `http://127.0.0.1:${this.#ports.get("worker")}`;
  }

  /** What the Worker answers, as JSON. */
  async ask<T = unknown>(path: string): Promise<T> {
    const response = await fetch(this.url + path, { signal: AbortSignal.timeout(limit) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${text}`);
    return JSON.parse(text);
  }

  /** Fires a cron expression. */
  scheduled(cron: string): Promise<Outcome> {
    return this.#drive({ cron });
  }

  /** Delivers a batch of messages with these bodies; their ids are `0`, `1` and so on. */
  queue(queue: string, bodies: readonly unknown[]): Promise<Outcome> {
    return this.#drive({ queue, bodies });
  }

  async #drive(event: unknown): Promise<Outcome> {
    const response = await fetch(`http://127.0.0.1:${this.#ports.get("driver")}`, {
      method: "POST",
      body: JSON.stringify(event),
      signal: AbortSignal.timeout(limit),
    });
    return await response.json();
  }
}

/** workerd says on its control pipe which ports it was given. */
async function listening(control: AsyncIterable<unknown>): Promise<Map<string, number>> {
  let text = "";
  for await (const chunk of control) {
    text += chunk;
    const ports = [...text.matchAll(/"socket":"(\w+)","port":(\d+)/g)]
      .map(([, socket, port]) => [socket as string, Number(port)] as const);
    if (ports.length === 2) return new Map(ports);
  }
  throw new Error(`workerd said no ports: ${text}`);
}

function config(options: WorkerdOptions, folder: string): string {
  const { compatibilityDate, compatibilityFlags, vars = {}, objects } = options;
  const bindings = Object.entries(vars).map(([name, text]) => {
    return `(name = "${name}", text = ${JSON.stringify(text)})`;
  });
  let durable = "";
  if (objects) {
    const { name, className } = objects;
    bindings.push(`(name = "${name}", durableObjectNamespace = "${className}")`);
    durable = `
  durableObjectNamespaces = [(className = "${className}", uniqueKey = "objects", enableSql = true)],
  durableObjectStorage = (localDisk = "disk"),`;
  }
  return `
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "driver", worker = .driver),
    (name = "disk", disk = (path = "${folder}", writable = true)),
  ],
  sockets = [
    (name = "worker", address = "127.0.0.1:0", http = (), service = "worker"),
    (name = "driver", address = "127.0.0.1:0", http = (), service = "driver"),
  ],
);

const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "${compatibilityDate}",
  compatibilityFlags = ${JSON.stringify(compatibilityFlags)},
  bindings = [${bindings.join(", ")}],${durable}
);

const driver :Workerd.Worker = (
  modules = [(name = "driver.js", esModule = embed "driver.js")],
  compatibilityDate = "${compatibilityDate}",
  compatibilityFlags = ["experimental", "service_binding_extra_handlers"],
  bindings = [(name = "WORKER", service = "worker")],
);
`;
}
