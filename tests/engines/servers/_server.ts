/**
 * A server that tests start for themselves: on a free port of this machine, in a folder of its own, ended
 * with whoever started it.
 *
 * @module
 */

import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { accessSync, chmodSync, constants, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";

/** One engine, and how it is started and ended. */
export interface Engine {
  /** What tests and messages call it. */
  readonly name: string;
  /** The variable of the environment that says where it is. */
  readonly variable: string;
  /** What has to be on the `PATH`, and the packages of Debian that bring it. */
  readonly commands: readonly string[];
  readonly packages: readonly string[];
  /** What else has to be there: its paths. */
  readonly files?: readonly string[];
  /** Prepares a server; it does not run yet. */
  create(): Promise<EngineServer>;
}

/** A server, on one port and in one folder for as long as it is used. */
export interface EngineServer {
  /** What the environment variable is set to. */
  readonly url: string;
  /** Starts it, with what the folder holds; resolves when it answers. */
  start(): Promise<void>;
  /** Ends it as an operator would. */
  stop(): Promise<void>;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Ends it for good, and removes its folder. */
  remove(): Promise<void>;
}

/** Where a command is; also where Debian keeps servers, which is not on everybody's `PATH`. */
export function find(command: string): string | undefined {
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    "/usr/local/sbin",
    "/usr/sbin",
    ...["18", "17", "16", "15"].map((version) => `/usr/lib/postgresql/${version}/bin`),
  ];
  return folders.map((folder) => join(folder, command)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A folder that other users can walk into, as some servers give up root. */
export function newFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `runhost-${name}-`));
  chmodSync(folder, 0o755);
  return folder;
}

/** A port that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { readonly port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Milliseconds that a server may take to start. */
export const startLimit = 60_000;

/** A process of a server, from its start to its end. */
export class Program {
  readonly #name: string;
  readonly #command: readonly string[];
  readonly #options: SpawnOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #output = "";

  constructor(name: string, command: readonly string[], options: SpawnOptions = {}) {
    this.#name = name;
    this.#command = command;
    this.#options = options;
  }

  /** Starts it, and waits until it listens on a port; fails when it does not. */
  async start(port: number): Promise<void> {
    const end = performance.now() + startLimit;
    const [command, ...args] = this.#command;
    const child = this.#child = spawn(command!, args, {
      stdio: ["ignore", "pipe", "pipe"],
      ...this.#options,
    });
    this.#output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk) => (this.#output = (this.#output + chunk).slice(-4_000)));
    }
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => (this.#output += error));
      child.once("close", () => {
        if (this.#child === child) this.#child = undefined;
        resolve();
      });
    });
    while (!await listens(port)) {
      if (!this.#child || performance.now() > end) {
        throw new Error(`${this.#name} has not started:\n${this.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sends it a signal, and waits until it has ended. */
  async end(signal: NodeJS.Signals, pid: number | undefined = this.#child?.pid): Promise<void> {
    if (!this.#child) return;
    try {
      process.kill(pid!, signal);
    } catch { // it ends already
    }
    await this.#ended;
  }
}

/** A server that is one program, in a folder of its own. */
export function serverOf({ url, port, folder, program, stop }: {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly program: Program;
  /** What an operator would send it. */
  readonly stop: NodeJS.Signals;
}): EngineServer {
  return {
    url,
    start: () => program.start(port),
    stop: () => program.end(stop),
    kill: () => program.end("SIGKILL"),
    async remove() {
      await program.end("SIGKILL");
      removeFolder(folder);
    },
  };
}

/** Whether somebody takes connections there. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
}

/** Removes a folder that a server may have left files of another user in. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
