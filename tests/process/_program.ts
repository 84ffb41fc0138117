/**
 * A program a test has started: what it prints, what it is sent, how it ends.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** How a program ended, and every line it printed. */
export interface Ending {
  /** Its exit code, the name of the signal that killed it, or why it could not be started. */
  readonly exit: number | string;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** How to start a program. */
export interface StartOptions {
  readonly cwd?: string;
  /** Whether it leads a process group of its own, as what is started from a terminal does. */
  readonly group?: boolean;
  /**
   * Milliseconds after which it hangs, and is killed.
   *
   * @default {45000}
   */
  readonly limit?: number;
}

/** The names of the signals tests send. */
export type Signal =
  | "SIGINT"
  | "SIGTERM"
  | "SIGQUIT"
  | "SIGKILL"
  | "SIGUSR2"
  | "SIGSTOP"
  | "SIGCONT";

/**
 * Less than the minute that something left behind would keep a program alive, and far more than a busy
 * machine needs.
 */
const usualLimit = 45_000;

const running = new Set<Program>();

// Nothing survives the tests, however they end.
process.on("exit", () => running.forEach((program) => program.kill()));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** A running program. */
export class Program {
  /** How it ended, once it has closed its output too. */
  readonly ending: Promise<Ending>;
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly #child: ChildProcess;
  readonly #group: boolean;
  #changed: (() => void)[] = [];
  #ended = false;

  constructor(
    command: readonly string[],
    { cwd, group = false, limit = usualLimit }: StartOptions = {},
  ) {
    const [file = "", ...args] = command;
    const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined };
    const stdio = ["ignore", "pipe", "pipe"] as const;
    this.#child = spawn(file, args, { cwd, env, detached: group, stdio: [...stdio] });
    this.#group = group;
    running.add(this);
    let killer = limit < Infinity ? setTimeout(() => this.kill(), limit) : undefined;
    this.#read("stdout");
    this.#read("stderr");
    // What a killed wrapper leaves behind would hold the output open.
    this.#child.once("exit", () => {
      clearTimeout(killer);
      killer = setTimeout(() => this.kill(), 2_000);
    });
    this.ending = new Promise((resolve) => {
      const end = (exit: number | string): void => {
        clearTimeout(killer);
        this.kill();
        running.delete(this);
        this.#ended = true;
        this.#wake();
        resolve({ exit, stdout: this.stdout, stderr: this.stderr });
      };
      this.#child.once("error", (error) => end(error.message));
      this.#child.once("close", (code, signal) => end(code ?? `${signal}`));
    });
  }

  /** Waits until it has printed `line` that often. */
  prints(line: string, times: number = 1): Promise<void> {
    return this.#says("stdout", (it) => it === line, line, times);
  }

  /** Waits until it has written a line of errors or warnings with `text`. */
  warns(text: string, times: number = 1): Promise<void> {
    return this.#says("stderr", (line) => line.includes(text), text, times);
  }

  async #says(
    output: "stdout" | "stderr",
    matches: (line: string) => boolean,
    line: string,
    times: number,
  ): Promise<void> {
    while (this[output].filter(matches).length < times) {
      if (this.#ended) throw new Error(`Ended before it printed "${line}"\n${this.#output()}`);
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  /** Sends a signal to it alone. */
  send(signal: Signal): void {
    // Node sends it to the process group of the tests if the program could not be started.
    if (this.#child.pid !== undefined) this.#child.kill(signal);
  }

  /** Sends a signal to its whole process group, as a terminal does. */
  sendGroup(signal: Signal): void {
    try {
      process.kill(-this.#child.pid!, signal);
    } catch {
      // All have ended.
    }
  }

  /** Ends it, and all it has started. */
  kill(): void {
    if (this.#group) this.sendGroup("SIGKILL");
    else this.send("SIGKILL");
  }

  /**
   * Sends a signal and, a moment later, its echo. Returns the milliseconds between: more than 5 if
   * the machine was too busy to do better.
   */
  sendDoubled(signal: Signal, echo: Signal = signal): number {
    const sent = performance.now();
    this.send(signal);
    while (performance.now() - sent < 4); // a timer of this process might be late
    this.send(echo);
    return performance.now() - sent;
  }

  #read(name: "stdout" | "stderr"): void {
    let rest = "";
    this.#child[name]!.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      this[name].push(...lines);
      this.#wake();
    }).on("end", () => rest && this[name].push(rest));
  }

  #wake(): void {
    for (const changed of this.#changed.splice(0)) changed();
  }

  #output(): string {
    return [...this.stdout, ...this.stderr].join("\n");
  }
}

/** Waits for real: only where the passing of time is what is tested. */
export function pass(ms: number): Promise<void> {
  return sleep(ms, undefined, { ref: false }); // programs keep the tests alive
}
