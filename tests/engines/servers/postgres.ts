import { execFileSync } from "node:child_process";
import { chownSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  type Engine,
  type EngineServer,
  find,
  freePort,
  newFolder,
  Program,
  removeFolder,
  startLimit,
} from "./_server.ts";

/** PostgreSQL refuses root, so root becomes nobody. */
export function unprivileged(command: readonly string[]): string[] {
  if (process.getuid?.() !== 0) return [...command];
  return ["setpriv", "--reuid=nobody", "--clear-groups", ...command];
}

async function create(): Promise<EngineServer> {
  const folder = newFolder("postgres");
  const data = join(folder, "data");
  const port = await freePort();
  if (process.getuid?.() === 0) {
    const nobody = Number(execFileSync("id", ["-u", "nobody"], { encoding: "utf8" }));
    chownSync(folder, nobody, nobody);
  }
  const [init, ...args] = unprivileged([
    ...[find("initdb")!, "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"],
    ...["-E", "UTF8", "--locale=C"],
  ]);
  execFileSync(init!, args, { stdio: "pipe", cwd: folder });
  const program = new Program(
    "postgres",
    unprivileged([
      ...[find("postgres")!, "-D", data, "-p", `${port}`, "-c", "listen_addresses=127.0.0.1"],
      ...["-c", "unix_socket_directories=", "-c", "max_connections=200"],
    ]),
    { cwd: folder },
  );
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async start() {
      await program.start(port);
      // It listens while it still recovers.
      execFileSync("bash", [
        "-c",
        `until "${find("pg_isready")}" -q -h 127.0.0.1 -p ${port}; do sleep 0.05; done`,
      ], { timeout: startLimit });
    },
    stop: () => program.end("SIGINT"), // fast: ends its sessions
    kill: () => program.end("SIGQUIT"), // immediate: recovers at the next start, and leaves no shared memory
    async remove() {
      await program.end("SIGQUIT");
      removeFolder(folder);
    },
  };
}

export const postgres: Engine = {
  name: "PostgreSQL",
  variable: "POSTGRES_URL",
  commands: ["initdb", "postgres", "pg_isready"],
  packages: ["postgresql"],
  create,
};
