/**
 * A process that is drilled: each line it prints, with the time.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { delay } from "../../../mod.ts";

/** A line, and when it came, in milliseconds of `performance.now()`. */
export interface Line {
  readonly text: string;
  readonly at: number;
}

/** How a process ended, and when. */
export interface Ended {
  readonly exit: number | string;
  readonly at: number;
}

const running = new Set<ChildProcess>();
// Nothing survives the drills, however they end.
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** A running program of this folder. */
export class Drilled {
  readonly lines: Line[] = [];
  readonly errors: string[] = [];
  readonly ended: Promise<Ended>;
  end: Ended | undefined;
  readonly #child: ChildProcess;

  constructor(command: readonly string[], program: string, orders: object) {
    const [file = "", ...args] = command;
    const path = fileURLToPath(new URL(program, import.meta.url));
    const child = this.#child = spawn(file, [...args, path, JSON.stringify(orders)], {
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    this.#read(child.stdout!, (text) => this.lines.push({ text, at: performance.now() }));
    this.#read(child.stderr!, (text) => this.errors.push(text));
    this.ended = new Promise((resolve) => {
      const end = (exit: number | string): void => {
        running.delete(child);
        resolve(this.end = { exit, at: performance.now() });
      };
      child.once("error", (error) => end(error.message));
      child.once("close", (code, signal) => end(code ?? `${signal}`));
    });
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #read(stream: NodeJS.ReadableStream, add: (line: string) => void): void {
    let rest = "";
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      lines.forEach(add);
    });
  }
}

/** Waits until something is so. */
export async function until(
  what: string,
  isSo: () => unknown,
  limit: number = 60_000,
): Promise<void> {
  const end = performance.now() + limit;
  while (!await isSo()) {
    if (performance.now() > end) throw new Error(`Waited ${limit / 1_000} s for ${what}`);
    await delay(10);
  }
}
