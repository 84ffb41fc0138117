import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  type Engine,
  type EngineServer,
  find,
  freePort,
  newFolder,
  Program,
  serverOf,
} from "./_server.ts";
import { unprivileged } from "./postgres.ts";

/** A pooler in transaction mode, in front of the PostgreSQL that has been started. */
async function create(): Promise<EngineServer> {
  const { hostname, port: server, username } = new URL(process.env["POSTGRES_URL"]!);
  const folder = newFolder("pgbouncer");
  const port = await freePort();
  const file = join(folder, "pgbouncer.ini");
  writeFileSync(
    file,
    `[databases]
postgres = host=${hostname} port=${server} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
max_client_conn = 100
`,
  );
  chmodSync(file, 0o644);
  const program = new Program("pgbouncer", unprivileged([find("pgbouncer")!, file]), {
    cwd: folder,
  });
  const url = `postgres://${username}@127.0.0.1:${port}/postgres`;
  return serverOf({ url, port, folder, program, stop: "SIGINT" });
}

export const pgbouncer: Engine = {
  name: "PgBouncer",
  variable: "PGBOUNCER_URL",
  commands: ["pgbouncer"],
  packages: ["pgbouncer"],
  create,
};
