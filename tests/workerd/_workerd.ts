import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";
import { build } from "esbuild";

/** The package has no types; it exports the path of its binary. */
const workerd: string = createRequire(import.meta.url)("workerd").default;

/** How a Worker is to be run. */
export interface WorkerdOptions {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
}

/** Bundles a Worker, serves it with a real workerd, asks it once, and returns the answer. */
export async function ask(entry: string, options: WorkerdOptions): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "workerd-"));
  try {
    await build({
      entryPoints: [entry],
      outfile: join(folder, "worker.js"),
      bundle: true,
      format: "esm",
      logLevel: "error",
    });
    await writeFile(join(folder, "config.capnp"), config(options));
    return await serve(join(folder, "config.capnp"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function serve(config: string): Promise<unknown> {
  const child = spawn(workerd, ["serve", config, "--control-fd=3"], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const exited = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`workerd exited with code ${code}`)));
  });
  try {
    const port = await Promise.race([listening(child.stdio[3] as AsyncIterable<unknown>), exited]);
    const response = await fetch(`http://127.0.0.1:${port}/`);
    return await response.json();
  } finally {
    exited.catch(() => {}); // it is told to
    child.kill("SIGKILL");
  }
}

/** workerd says on its control pipe which port it was given. */
async function listening(control: AsyncIterable<unknown>): Promise<number> {
  let text = "";
  for await (const chunk of control) {
    text += chunk;
    const port = /"port":(\d+)/.exec(text)?.[1];
    if (port) return Number(port);
  }
  throw new Error(`workerd said no port: ${text}`);
}

function config({ compatibilityDate, compatibilityFlags }: WorkerdOptions): string {
  return `
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "${compatibilityDate}",
  compatibilityFlags = ${JSON.stringify(compatibilityFlags)},
);
`;
}
