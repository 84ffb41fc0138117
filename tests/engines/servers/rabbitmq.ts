import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  type Engine,
  type EngineServer,
  freePort,
  listens,
  newFolder,
  Program,
  removeFolder,
  startLimit,
} from "./_server.ts";

/** The command on the `PATH` is a wrapper that changes the user. */
const command = "/usr/lib/rabbitmq/bin/rabbitmq-server";

async function create(): Promise<EngineServer> {
  const folder = newFolder("rabbitmq");
  const [port, distribution, epmd] = [await freePort(), await freePort(), await freePort()];
  const pidFile = join(folder, "pid");
  const environment = {
    ...process.env,
    RABBITMQ_NODENAME: "test@localhost",
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: `${port}`,
    RABBITMQ_DIST_PORT: `${distribution}`,
    RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_PID_FILE: pidFile,
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_CONFIG_FILE: join(folder, "none"),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: `${epmd}`,
    HOME: folder,
    // Else Erlang takes every core.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
  };
  const program = new Program("rabbitmq-server", [command], { env: environment });

  /** The server itself, which the script that starts it waits for. */
  const beam = (): number | undefined =>
    existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : undefined;

  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    async start() {
      rmSync(pidFile, { force: true });
      await program.start(port);
      // It listens a little earlier than it answers.
      execFileSync("/usr/lib/rabbitmq/bin/rabbitmqctl", ["-q", "await_startup"], {
        env: environment,
        stdio: "pipe",
        timeout: startLimit,
      });
    },
    stop: () => program.end("SIGTERM", beam()),
    kill: () => program.end("SIGKILL", beam()),
    async remove() {
      await program.end("SIGKILL", beam());
      // Its name server outlives it.
      if (await listens(epmd)) {
        execFileSync("epmd", ["-port", `${epmd}`, "-kill"], { stdio: "pipe", env: environment });
      }
      removeFolder(folder);
    },
  };
}

export const rabbitmq: Engine = {
  name: "RabbitMQ",
  variable: "AMQP_URL",
  commands: ["rabbitmq-server", "epmd"],
  packages: ["rabbitmq-server"],
  create,
};
