/**
 * An example that a test has started: what it prints, how it ends.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { setTimeout } from "node:timers";
import { fileURLToPath } from "node:url";
import { bun, deno } from "../../scripts/runtimes.ts";

/** Something that runs TypeScript. */
export interface Runtime {
  readonly name: string;
  /** The command that runs a file. */
  readonly command: readonly string[];
}

export const runtimes: readonly Runtime[] = [
  { name: "Node", command: [process.execPath, "--import", import.meta.resolve("tsx")] },
  { name: "Deno", command: [deno, "run", "--quiet", "-A"] },
  { name: "Bun", command: [bun, "run"] },
];

/** Milliseconds after which an example hangs, and is killed. */
const limit = 90_000;

const running = new Set<Example>();

// Nothing survives the tests, however they end.
process.on("exit", () => running.forEach((example) => example.send("SIGKILL")));

/** A running example. */
export class Example {
  /** Its exit code, or the name of the signal that killed it. */
  readonly exit: Promise<number | string>;
  /** What it has printed, to stdout and stderr. */
  output = "";
  readonly #child: ChildProcess;
  #changed: (() => void)[] = [];

  constructor(
    { command }: Runtime,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    folder: string = fileURLToPath(new URL("../../examples/", import.meta.url)),
  ) {
    const [file = "", ...rest] = command;
    this.#child = spawn(file, [...rest, ...args], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this);
    const killer = setTimeout(() => this.send("SIGKILL"), limit);
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        this.output += chunk;
        this.#wake();
      });
    }
    this.exit = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code, signal) => {
        clearTimeout(killer);
        running.delete(this);
        resolve(code ?? `${signal}`);
        this.#wake();
      });
    });
  }

  /** Waits until it has printed something that matches, and returns the first group. */
  async prints(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = this.output.match(pattern);
      if (match) return match[1] ?? match[0];
      if (!running.has(this)) {
        throw new Error(`Ended before it printed ${pattern}:\n${this.output}`);
      }
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  send(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): void {
    this.#child.kill(signal);
  }

  #wake(): void {
    for (const changed of this.#changed.splice(0)) changed();
  }
}
