import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Engine, type EngineServer, newFolder, removeFolder } from "./_server.ts";

const program = fileURLToPath(new URL("mock_kafka.c", import.meta.url));

/**
 * No broker: a stand-in, which keeps all in memory. So it is not ended before it is removed: stopped or killed, it is taken
 * off the network, and comes back to the same address with what it holds.
 */
async function create(): Promise<EngineServer> {
  const folder = newFolder("kafka");
  const command = join(folder, "mock_kafka");
  execFileSync("gcc", ["-O1", "-o", command, program, "-lrdkafka"], { stdio: "pipe" });
  let child: ChildProcess | undefined;
  let address = "";

  /** The next line of the stand-in. */
  const line = (started: ChildProcess): Promise<string> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error("The stand-in for Kafka has ended"));
      started.once("error", reject).once("close", ended);
      started.stdout!.once("data", (text) => {
        started.off("error", reject).off("close", ended);
        resolve(`${text}`.trim());
      });
    });

  const tell = async (word: "up" | "down"): Promise<void> => {
    const done = line(child!);
    child!.stdin!.write(`${word}\n`);
    await done;
  };

  return {
    get url() {
      return address;
    },
    async start() {
      if (child) return await tell("up");
      // It ends with its input, so also when whoever started it dies.
      child = spawn(command, { stdio: ["pipe", "pipe", "inherit"] });
      address = await line(child);
    },
    stop: () => tell("down"),
    kill: () => tell("down"),
    async remove() {
      if (child && child.exitCode === null) {
        const closed = new Promise<void>((resolve) => child!.once("close", () => resolve()));
        child.kill("SIGKILL");
        await closed;
      }
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
