/**
 * A deploy under load: instances behind a balancer are replaced one after another, while clients
 * keep it busy.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { fileURLToPath } from "node:url";
import { bun, deno } from "../../scripts/runtimes.ts";
import { Balancer } from "./_balancer.ts";
import { keepBusy, type Tally } from "./_clients.ts";

/** What runs the instances. */
export const runtimes: Readonly<Record<string, readonly string[]>> = {
  node: [process.execPath, "--import", import.meta.resolve("tsx")],
  deno: [deno, "run", "--quiet", "-A"],
  bun: [bun, "run"],
};

/** How much of it. */
export interface RolloutOptions {
  readonly runtime: string;
  /** With a host, or as servers are often written. */
  readonly mode: "host" | "naive";
  readonly requests: number;
}

/** What came of it. */
export interface Rollout {
  readonly requests: number;
  readonly failed: number;
  /** Why, and how often. */
  readonly failures: ReadonlyMap<string, number>;
  /** How many instances were replaced meanwhile, and how they ended. */
  readonly exits: readonly (number | string)[];
  readonly seconds: number;
}

const connections = 50;
const instances = 3;
/** Milliseconds after SIGTERM in which an instance may end before it is killed, as in a deploy. */
const grace = 5_000;

const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** Replaces instances until all requests have been answered; one at least. */
export async function rollOut({ runtime, mode, requests }: RolloutOptions): Promise<Rollout> {
  const balancer = new Balancer();
  const port = await balancer.listen();
  const fleet: Instance[] = [];
  const tally: Tally = { done: 0, failures: new Map() };
  const exits: (number | string)[] = [];
  const add = async (): Promise<void> => {
    const instance = await launch(runtime, mode);
    fleet.push(instance);
    await balancer.add(instance.port);
  };

  await Promise.all(Array.from({ length: instances }, add));
  const begun = performance.now();
  const load = keepBusy(port, { connections, requests, tally });
  do {
    await add();
    const { port, child, exit } = fleet.shift()!;
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), grace);
    exits.push(await exit);
    clearTimeout(killer);
    balancer.remove(port);
  } while (tally.done < requests);
  await load;
  const seconds = (performance.now() - begun) / 1_000;

  balancer.close();
  for (const { child } of fleet) child.kill("SIGKILL");
  const failed = [...tally.failures.values()].reduce((sum, count) => sum + count, 0);
  return { requests, failed, failures: tally.failures, exits, seconds };
}

interface Instance {
  readonly port: number;
  readonly child: ChildProcess;
  readonly exit: Promise<number | string>;
}

async function launch(runtime: string, mode: string): Promise<Instance> {
  const port = await freePort();
  const [command = "", ...args] = runtimes[runtime]!;
  const program = fileURLToPath(new URL("server.ts", import.meta.url));
  const child = spawn(command, [...args, program, mode], {
    env: { ...process.env, PORT: `${port}` },
    stdio: ["ignore", "ignore", "inherit"],
  });
  running.add(child);
  const exit = once(child, "exit").then(([code, signal]) => {
    running.delete(child);
    return (code ?? signal) as number | string;
  });
  return { port, child, exit };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { readonly port: number };
  server.close();
  await once(server, "close");
  return port;
}
