/**
 * Servers and clients of one store, in processes of their own, of which one after the other is killed and started again.
 *
 * @module
 */

import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createHost } from "../../mod.ts";
import { type JobClient, jobClient, type JobRecord } from "../../src/jobs/mod.ts";
import { bun, deno } from "../../scripts/runtimes.ts";
import { Program } from "../process/_program.ts";
import { audit, type Evidence, type Findings } from "./_audit.ts";
import { readLines } from "./_lines.ts";
import { storeAt } from "./_store.ts";

/** What runs the servers; the clients run on Node. */
export const runtimes: Readonly<Record<string, readonly string[]>> = {
  node: [process.execPath, "--import", import.meta.resolve("tsx")],
  deno: [deno, "run", "--quiet", "-A"],
  bun: [bun, "run"],
};

/** How much of it. */
export interface CrashOptions {
  /** The address of the store; see `storeAt`. */
  readonly address: string;
  /** An empty folder, for what the processes write. */
  readonly folder: string;
  /** How many jobs are to be acknowledged in all; an even number. */
  readonly jobs: number;
  /** Milliseconds of rest of a client after each job, in each of its four lanes. */
  readonly rest: number;
  /** Milliseconds that a hold lasts. */
  readonly holdTimeout: number;
  /**
   * What runs the servers.
   *
   * @default {"node"}
   */
  readonly runtime?: string | undefined;
  /**
   * Whether the store may be away for a while: a process whose start that has failed is started again.
   *
   * @default {false}
   */
  readonly outages?: boolean | undefined;
  /** Called again and again until all is acknowledged; it waits for the next moment, and kills. */
  readonly disturb: (crew: Crew) => Promise<void>;
}

/** What came of it. */
export interface CrashReport extends Findings {
  readonly acknowledged: number;
  readonly stored: number;
  /** How often a process failed to start, as the store was away. */
  readonly failedStarts: number;
  /** How often a server was killed, and a client. */
  readonly kills: { readonly server: number; readonly client: number };
  readonly seconds: number;
  /** How the servers ended that were told to at the end, and the clients whose share was done. */
  readonly exits: readonly (number | string)[];
}

/** Who gives the ids of the jobs of a client: see `client.ts`. */
const idGivers = ["own", "stored"];

const here = fileURLToPath(new URL(".", import.meta.url));

/** A process that is started again whenever it was killed. */
interface Member {
  readonly kind: "server" | "client";
  readonly start: (life: number) => { readonly name: string; readonly program: Program };
  name: string;
  program: Program;
  lives: number;
}

/** The processes of a run. */
export class Crew {
  readonly killed: Set<string> = new Set();
  readonly kills = { server: 0, client: 0 };
  readonly exits: (number | string)[] = [];
  failedStarts = 0;
  readonly #options: CrashOptions;
  readonly #members: Member[] = [];
  readonly #ending: Promise<unknown>[] = [];
  #stopping = false;

  constructor(options: CrashOptions) {
    this.#options = options;
    for (let index = 1; index <= 3; index++) {
      this.#add("server", (life) => this.#server(index, life));
    }
    for (const ids of idGivers) this.#add("client", (life) => this.#client(ids, life));
  }

  /** The ids that clients were given so far. */
  get acknowledged(): string[] {
    return idGivers.flatMap((ids) => readLines(this.#ackFile(ids)));
  }

  /** What the handlers wrote so far. */
  get log(): string[] {
    return readLines(join(this.#options.folder, "log"));
  }

  /** Whether a client is still at it. */
  get enqueues(): boolean {
    return this.#members.some((it) => it.kind === "client");
  }

  /** Kills a random process, of a kind if that is said, and starts it again. */
  async kill(kind?: Member["kind"]): Promise<void> {
    const members = this.#members.filter((it) => kind === undefined || it.kind === kind);
    const member = members[Math.floor(Math.random() * members.length)];
    if (!member) return;
    const { name, program } = member;
    program.send("SIGKILL");
    const { exit } = await program.ending;
    if (exit === "SIGKILL") {
      this.killed.add(name);
      this.kills[member.kind]++;
    }
    if (this.#members.includes(member) && member.program === program) this.#start(member);
  }

  /** Ends the servers as an operator would. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { program } of this.#members) program.send("SIGTERM");
    await Promise.all(this.#ending);
  }

  #add(kind: Member["kind"], start: Member["start"]): void {
    const member: Member = { kind, start, lives: 1, ...start(1) };
    this.#members.push(member);
    this.#watch(member);
  }

  #start(member: Member): void {
    Object.assign(member, member.start(++member.lives));
    this.#watch(member);
  }

  /** A process that ends by itself is done, or has failed. */
  #watch(member: Member): void {
    const { program, name } = member;
    this.#ending.push(program.ending.then(async ({ exit, stderr }) => {
      if (exit === "SIGKILL") return;
      if (exit !== 0 && this.#options.outages && !this.#stopping) {
        this.failedStarts++;
        await sleep(200);
        if (!this.#stopping && member.program === program) return this.#start(member);
      }
      this.#members.splice(this.#members.indexOf(member), 1);
      this.exits.push(exit);
      if (exit !== 0) console.error(`${name} ended with ${exit}\n${stderr.slice(-20).join("\n")}`);
    }));
  }

  #server(index: number, life: number): ReturnType<Member["start"]> {
    const { address, folder, holdTimeout, runtime = "node" } = this.#options;
    const name = `server${index}.${life}`;
    const command = [...runtimes[runtime]!, join(here, "server.ts")];
    const program = new Program([
      ...command,
      address,
      join(folder, "log"),
      name,
      `${holdTimeout}`,
    ], { limit: Infinity });
    return { name, program };
  }

  #client(ids: string, life: number): ReturnType<Member["start"]> {
    const { address, jobs, rest } = this.#options;
    const command = [...runtimes["node"]!, join(here, "client.ts")];
    const program = new Program([
      ...command,
      address,
      this.#ackFile(ids),
      `${jobs / 2}`,
      `${rest}`,
      ids,
    ], { limit: Infinity });
    return { name: `client-${ids}.${life}`, program };
  }

  #ackFile(ids: string): string {
    return join(this.#options.folder, `acknowledged-${ids}`);
  }
}

/** Enqueues jobs and works them off, while processes are killed; resolves when all has ended. */
export async function crashRun(options: CrashOptions): Promise<CrashReport> {
  const began = performance.now();
  const crew = new Crew(options);
  while (crew.enqueues) await options.disturb(crew);
  const client = jobClient("audit", { storage: await storeAt(options.address) });
  const host = createHost([client], { logger: false });
  await host.start();
  try {
    while (!await isDone(client)) await sleep(100);
    await crew.stop();
    const evidence: Evidence = {
      acknowledged: crew.acknowledged,
      log: crew.log,
      jobs: await allJobs(client),
      counts: await client.counts(),
      killed: crew.killed,
    };
    return {
      ...audit(evidence),
      acknowledged: evidence.acknowledged.length,
      stored: evidence.jobs.length,
      kills: crew.kills,
      failedStarts: crew.failedStarts,
      exits: crew.exits,
      seconds: (performance.now() - began) / 1_000,
    };
  } finally {
    await crew.stop();
    await host.stop();
  }
}

/** Whether all jobs of a store have ended. */
export async function isDone(client: JobClient): Promise<boolean> {
  const { awaiting, scheduled, enqueued, processing } = await client.counts();
  return awaiting + scheduled + enqueued + processing === 0;
}

/** All jobs of a store. */
export async function allJobs(client: JobClient): Promise<JobRecord[]> {
  const all: JobRecord[] = [];
  let after: string | undefined;
  do {
    const { jobs, next } = await client.list({ limit: 1_000, after });
    all.push(...jobs);
    after = next;
  } while (after !== undefined);
  return all;
}
