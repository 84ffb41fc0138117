/**
 * One drill: messages, workers, a server that can be killed, and what has become of all of it.
 *
 * @module
 */
import { delay } from "../../../mod.ts";
import type { EngineServer } from "../servers/mod.ts";
import type { DrillEngine, Feeder } from "./engines/mod.ts";
import { Drilled, type Ended, until } from "./_process.ts";
import type { Message } from "./worker.ts";

/** What came of a drill. */
export interface Result {
  /** Messages of which nothing has become. */
  readonly lost: number;
  /** How often a message was done that had been done before. */
  readonly twice: number;
  /** Milliseconds from the return of the server to the first message that was done. */
  readonly back: number | undefined;
  /** The longest stop, in milliseconds. */
  readonly stop: number;
  /** What is not as it has to be. */
  readonly faults: readonly string[];
}

/** Milliseconds in which work goes on when the server is there again, besides those of a session that has to end. */
const backLimit = 5_000;

/** Milliseconds that a host may take to end: those of its grace, of what it abandons, and of leaving. */
const stopLimit = 5_000 + 1_000 + 5_000 + 1_000;

/** What a drill works with. */
export class Drill {
  readonly engine: DrillEngine;
  readonly server: EngineServer;
  readonly #command: readonly string[];
  readonly #queue = `drill-${crypto.randomUUID()}`;
  readonly #workers: Drilled[] = [];
  readonly #faults: string[] = [];
  readonly #expected = new Set<number>();
  #undecodable = 0;
  #poison = 0;
  #returned: number | undefined;
  #isAway = false;
  #stop = 0;

  constructor(engine: DrillEngine, server: EngineServer, command: readonly string[]) {
    this.engine = engine;
    this.server = server;
    this.#command = command;
  }

  /** Sends messages, and remembers what is to become of them. */
  async send(messages: readonly (Message | string)[]): Promise<void> {
    for (const message of messages) {
      if (typeof message === "string") this.#undecodable++;
      else if (message.poison) this.#poison++;
      else this.#expected.add(message.id);
    }
    const texts = messages.map((it) => typeof it === "string" ? it : JSON.stringify(it));
    await this.#ask((feeder) => feeder.send(texts));
  }

  work(): Drilled {
    const worker = new Drilled(this.#command, "worker.ts", {
      engine: this.engine.server.name,
      url: this.server.url,
      queue: this.#queue,
    });
    this.#workers.push(worker);
    return worker;
  }

  /** How many different messages are done. */
  get done(): number {
    return new Set(this.#lines("done")).size;
  }

  /** How many attempts were begun. */
  get begun(): number {
    return this.#lines("begin").length;
  }

  /** Waits until that many are done, or all of them. */
  async hasDone(count: number = this.#expected.size): Promise<void> {
    await until(`${count} to be done, ${this.done} are`, () => {
      const { end, errors } = this.#workers.at(-1)!;
      if (end?.exit === 1) throw new Error(`The worker has ended: ${errors.slice(-5).join("\n")}`);
      return this.done >= count;
    });
  }

  /** Ends a worker as an operator would, and holds it to its limits. */
  async stop(worker: Drilled, exits: readonly (number | string)[] = [0]): Promise<void> {
    const asked = performance.now();
    worker.send("SIGTERM");
    const end = await within(worker, stopLimit);
    this.#stop = Math.max(this.#stop, (end?.at ?? Infinity) - asked);
    if (!end) this.#faults.push(`it had not ended ${stopLimit} ms after SIGTERM`);
    else if (!exits.includes(end.exit)) this.#faults.push(`it ended with ${end.exit}`);
  }

  async kill(worker: Drilled): Promise<void> {
    worker.send("SIGKILL");
    await worker.ended;
  }

  /** Takes the server away. */
  async takeAway(): Promise<void> {
    this.#isAway = true;
    await this.server.kill();
  }

  async bringBack(): Promise<void> {
    await this.server.start();
    this.#isAway = false;
    this.#returned = performance.now();
  }

  /** Waits for the end of all work, stops the worker, and looks at what there is. */
  async conclude(worker: Drilled): Promise<Result> {
    const deadLetters = this.#poison + this.#undecodable;
    await this.hasDone();
    await until("the dead letters", () => new Set(this.#lines("dead")).size >= deadLetters);
    await until("an empty queue", async () => await this.#ask((feeder) => feeder.left()) === 0);
    await this.stop(worker);

    const left = await this.#ask((feeder) => feeder.left());
    if (left > 0) this.#faults.push(`${left} are left in the queue`);
    const dead = await this.#ask((feeder) => feeder.deadLetters());
    if (new Set(dead).size !== deadLetters) {
      this.#faults.push(`${dead.length} dead letters instead of ${deadLetters}`);
    }
    const unhandled = this.#workers.flatMap(({ lines }) =>
      lines.filter(({ text }) => text.startsWith("unhandled"))
    );
    this.#faults.push(...unhandled.map(({ text }) => text));

    const back = this.#back();
    const limit = backLimit + (this.engine.sessionTimeout ?? 0);
    if (back !== undefined && !(back <= limit)) {
      this.#faults.push(`back at work ${Math.round(back)} ms after the server`);
    }
    const lost = [...this.#expected].filter((id) => !this.#lines("done").includes(`${id}`)).length;
    if (lost > 0) this.#faults.push(`${lost} are lost`);
    return {
      lost,
      twice: this.#lines("done").length - this.done,
      back,
      stop: this.#stop,
      faults: this.#faults,
    };
  }

  /** Ends whatever runs, and leaves a server behind that does. */
  async close(): Promise<void> {
    if (this.#isAway) await this.bringBack();
    await Promise.all(this.#workers.filter(({ end }) => !end).map((it) => this.kill(it)));
  }

  /** What workers have said, for whoever looks for the cause of a failure. */
  get log(): string {
    return this.#workers.slice(-2).map(({ errors }) => errors.slice(-12).join("\n")).join(
      "\n---\n",
    );
  }

  #back(): number | undefined {
    const since = this.#returned;
    if (since === undefined) return undefined;
    const times = this.#workers.flatMap(({ lines }) =>
      lines.filter(({ text, at }) => text.startsWith("done") && at > since).map(({ at }) => at)
    );
    return times.length > 0 ? Math.min(...times) - since : undefined; // all was done by then
  }

  /** What follows a word in the lines of all workers. */
  #lines(word: string): string[] {
    return this.#workers.flatMap(({ lines }) =>
      lines.filter(({ text }) => text.startsWith(`${word} `))
        .map(({ text }) => text.slice(word.length + 1))
    );
  }

  async #ask<T>(question: (feeder: Feeder) => Promise<T>): Promise<T> {
    const feeder = await this.engine.connect({ url: this.server.url, queue: this.#queue });
    try {
      return await question(feeder);
    } finally {
      await feeder.close();
    }
  }
}

/** The end of a process, if it comes in time. */
export async function within(worker: Drilled, limit: number): Promise<Ended | undefined> {
  return await Promise.race([worker.ended, delay(limit).then(() => undefined)]);
}
