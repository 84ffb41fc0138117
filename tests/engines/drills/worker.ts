/**
 * What is drilled: a host with one consumer. Prints a line for whatever becomes of a message, and for a rejection
 * that nobody handles.
 *
 *     worker.ts {"engine": "Redis", "url": "redis://127.0.0.1:6379", "queue": "drill"}
 */
import process from "node:process";
import { consumer, json } from "../../../src/consumers/mod.ts";
import { delay } from "../../../src/runtime/node.ts";
import { runDrilled } from "./_host.ts";
import { drillEngines } from "./engines/mod.ts";

/** What a worker is told. */
export interface Orders {
  readonly engine: string;
  readonly url: string;
  readonly queue: string;
}

/** One message. */
export interface Message {
  readonly id: number;
  /** Milliseconds that it takes; 5 to 25 without it. */
  readonly takes?: number;
  /** Whether each attempt at it fails. */
  readonly poison?: boolean;
}

for (const event of ["unhandledRejection", "uncaughtException"] as const) {
  process.on(event, (error) => console.log("unhandled", error));
}

const orders: Orders = JSON.parse(process.argv[2]!);
const engine = drillEngines.find(({ server }) => server.name === orders.engine)!;
const { services, source } = await engine.open(orders);

const worker = consumer("worker", {
  source,
  input: json((value) => value as Message),
  concurrency: 8,
  retry: { attempts: 3, delay: 50 },
  async handle({ id, takes = 5 + Math.random() * 20, poison = false }, signal) {
    console.log(`begin ${id}`);
    await delay(takes, { signal });
    if (poison) throw new Error("Poison");
    console.log(`done ${id}`);
  },
  onDeadLetter: (text) => {
    console.log(`dead ${typeof text === "string" ? text : new TextDecoder().decode(text!)}`);
  },
});

await runDrilled([...services, worker]);
