/** What is done to leaders, and to the engine that has their lease. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { delay } from "../../../mod.ts";
import type { EngineServer } from "../servers/mod.ts";
import { within } from "./_drill.ts";
import { times } from "./leader_times.ts";
import { Drilled, until } from "./_process.ts";

/** What came of a drill. */
export interface LeaderResult {
  /** Milliseconds between the last write of a leader and the first one of the next. */
  readonly gap: number;
  /** Writes of an older leader that the store has refused, as a newer one had written. */
  readonly refused: number;
  readonly faults: readonly string[];
}

/** A drill, and what it is called. */
export interface LeaderPlan {
  readonly name: string;
  readonly run: (drill: LeaderDrill) => Promise<void>;
}

/** A write that the store has accepted. */
interface Write {
  readonly token: number;
  readonly who: string;
  readonly at: number;
}

/** Milliseconds until somebody leads, once nobody is in the way: a lease that has run out, an engine that is back. */
const electionLimit = 5_000;

/** Three processes of which one leads, and a store that takes nothing older than what it has. */
export class LeaderDrill {
  readonly server: EngineServer;
  readonly #engine: string;
  readonly #command: readonly string[];
  readonly #lease = `drill-${crypto.randomUUID()}`;
  readonly #workers = new Map<string, Drilled>();
  readonly #writes: Write[] = [];
  readonly #faults: string[] = [];
  readonly #store = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk)).on("end", () => {
      const { token, who } = JSON.parse(body);
      const isOlder = token < (this.#writes.at(-1)?.token ?? 0); // where token <= $1
      if (isOlder) this.#refused++;
      else this.#writes.push({ token, who, at: performance.now() });
      response.writeHead(isOlder ? 409 : 200).end();
    });
  });
  #refused = 0;
  #isAway = false;
  /** From when on somebody has to lead within the limit. */
  #free: number | undefined;
  /** The last write before whatever the drill does. */
  #before: Write | undefined;

  constructor(engine: string, server: EngineServer, command: readonly string[]) {
    this.#engine = engine;
    this.server = server;
    this.#command = command;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#store.listen(0, "127.0.0.1", resolve));
    const { port } = this.#store.address() as AddressInfo;
    for (const who of ["a", "b", "c"]) {
      this.#workers.set(
        who,
        new Drilled(this.#command, "leader_worker.ts", {
          engine: this.#engine,
          url: this.server.url,
          lease: this.#lease,
          store: `http://127.0.0.1:${port}/`,
          who,
        }),
      );
    }
    await until("a leader", () => this.#writes.length > 20);
  }

  /** The process that leads, as the store sees it; what it wrote last is where the gap begins. */
  takeLeader(): Drilled {
    this.#before = this.#writes.at(-1)!;
    return this.#workers.get(this.#before.who)!;
  }

  /** From now, or from when the lease of one that has died runs out, somebody has to lead. */
  isFree(after: number = 0): void {
    this.#free = performance.now() + after;
  }

  /** Ends the server, and starts it again. */
  async away(ms: number, how: "kill" | "stop"): Promise<void> {
    this.#isAway = true;
    await this.server[how]();
    await delay(ms);
    await this.#bringBack();
  }

  async #bringBack(): Promise<void> {
    await this.server.start();
    this.#isAway = false;
  }

  /** Waits for writes under a later token; or of anybody, who may have gone on leading. */
  async hasNext(isLater: boolean = true): Promise<void> {
    const { token } = this.#before!;
    const since = this.#free!;
    await until("the next leader", () => {
      const last = this.#writes.at(-1)!;
      return isLater ? last.token > token : last.at > since;
    });
    const first = this.#writes.find(({ token: it, at }) => isLater ? it > token : at > since)!;
    const took = first.at - since;
    if (took > electionLimit) this.#faults.push(`nobody led for ${Math.round(took)} ms`);
    const count = this.#writes.length;
    await until("the next leader to go on", () => this.#writes.length > count + 20);
  }

  async exits(worker: Drilled, exit: number | string): Promise<void> {
    const end = await within(worker, 12_000);
    if (end?.exit !== exit) this.#faults.push(`it ended with ${end?.exit}`);
  }

  /** Ends all of them, and looks at what was written. */
  async conclude(): Promise<LeaderResult> {
    const running = [...this.#workers.values()].filter(({ end }) => !end);
    running.forEach((it) => it.send("SIGTERM"));
    for (const worker of running) await this.exits(worker, 0);
    const holders = new Map<number, string>();
    for (const { token, who } of this.#writes) {
      if ((holders.get(token) ?? who) !== who) this.#faults.push(`two had the token ${token}`);
      holders.set(token, who);
    }
    const lines = [...this.#workers.values()].flatMap((it) => it.lines);
    const tokens = lines.flatMap(({ text }) => text.match(/^leads (\d+)/)?.[1] ?? []);
    if (new Set(tokens).size < tokens.length) this.#faults.push(`a token came twice: ${tokens}`);
    this.#faults.push(
      ...lines.filter(({ text }) => text.startsWith("unhandled")).map(({ text }) => text),
    );
    let gap = 0;
    for (const [index, { at }] of this.#writes.entries()) {
      if (index > 0) gap = Math.max(gap, at - this.#writes[index - 1]!.at);
    }
    return { gap, refused: this.#refused, faults: this.#faults };
  }

  async close(): Promise<void> {
    if (this.#isAway) await this.#bringBack();
    for (const worker of this.#workers.values()) worker.send("SIGKILL");
    await Promise.all([...this.#workers.values()].map((it) => it.ended));
    this.#store.close();
  }

  get log(): string {
    return [...this.#workers].map(([who, { errors }]) => `${who}: ${errors.slice(-8).join("\n")}`)
      .join("\n---\n");
  }
}

export const leaderPlans: readonly LeaderPlan[] = [
  {
    name: "SIGTERM",
    async run(drill) {
      const leader = drill.takeLeader();
      leader.send("SIGTERM");
      await drill.exits(leader, 0);
      drill.isFree();
      await drill.hasNext();
    },
  },
  {
    name: "`kill -9`",
    async run(drill) {
      drill.takeLeader().send("SIGKILL");
      drill.isFree(times.duration);
      await drill.hasNext();
    },
  },
  {
    name: "SIGSTOP, 6 s later SIGCONT",
    async run(drill) {
      const leader = drill.takeLeader();
      leader.send("SIGSTOP");
      drill.isFree(times.duration);
      await delay(6_000);
      await drill.hasNext();
      leader.send("SIGCONT");
      await delay(2_000); // what it still believes, it writes now
    },
  },
  {
    name: "engine killed, back after 5 s",
    async run(drill) {
      drill.takeLeader();
      await drill.away(5_000, "kill");
      drill.isFree();
      await drill.hasNext();
    },
  },
  {
    name: "engine restarted",
    async run(drill) {
      drill.takeLeader();
      await drill.away(0, "stop");
      drill.isFree();
      await drill.hasNext(false);
    },
  },
];
