import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Engine, type EngineServer, newFolder, removeFolder } from "./_server.ts";

const program = fileURLToPath(new URL("mock_kafka.c", import.meta.url));

/** No broker: a stand-in, which keeps all in memory and is on another port after each start. */
async function create(): Promise<EngineServer> {
  const folder = newFolder("kafka");
  const command = join(folder, "mock_kafka");
  execFileSync("gcc", ["-O1", "-o", command, program, "-lrdkafka"], { stdio: "pipe" });
  let child: ChildProcess | undefined;
  let address = "";

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = child;
    child = undefined;
    if (!ended || ended.exitCode !== null) return;
    const closed = new Promise<void>((resolve) => ended.once("close", () => resolve()));
    ended.kill(signal);
    await closed;
  };

  return {
    get url() {
      return address;
    },
    async start() {
      // It ends with its input, so also when whoever started it dies.
      child = spawn(command, { stdio: ["pipe", "pipe", "inherit"] });
      const started = child;
      address = await new Promise<string>((resolve, reject) => {
        started.once("error", reject);
        started.once("close", () => reject(new Error("The stand-in for Kafka has not started")));
        started.stdout!.once("data", (line) => resolve(`${line}`.trim()));
      });
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    async remove() {
      await end("SIGKILL");
      removeFolder(folder);
    },
  };
}

export const kafka: Engine = {
  name: "Kafka",
  variable: "KAFKA_BROKERS",
  commands: ["gcc"],
  files: ["/usr/include/librdkafka/rdkafka_mock.h"],
  packages: ["gcc", "libc6-dev", "librdkafka-dev"],
  create,
};
