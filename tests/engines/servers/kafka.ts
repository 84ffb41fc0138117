import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Engine, type EngineServer, newFolder, removeFolder } from "./_server.ts";

const source = fileURLToPath(new URL("mock_kafka.c", import.meta.url));

/** A topic that a mock broker has to be told of: it makes one with other partitions on use. */
export interface KafkaServer extends EngineServer {
  createTopic(name: string, partitions: number): Promise<void>;
}

/** A mock: what it holds is in memory, so a stop makes it unreachable and no more. */
async function create(): Promise<KafkaServer> {
  const folder = newFolder("kafka");
  const program = join(folder, "mock_kafka");
  execFileSync("gcc", [source, "-lrdkafka", "-o", program], { stdio: "pipe" });
  const child: ChildProcess = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  const lines: Interface = createInterface({ input: child.stdout! });
  const answers = lines[Symbol.asyncIterator]();
  const read = async (): Promise<string> => (await answers.next()).value ?? "";
  const url = await read();
  let last: Promise<unknown> = Promise.resolve();
  const tell = (command: string): Promise<void> => {
    const told = last.then(async () => {
      child.stdin!.write(`${command}\n`);
      const answer = await read();
      if (answer !== "0") throw new Error(`The mock answers ${answer} to: ${command}`);
    });
    last = told.catch(() => {});
    return told;
  };
  return {
    url,
    start: () => tell("up 1"),
    stop: () => tell("down 1"),
    kill: () => tell("down 1"),
    createTopic: (name, partitions) => tell(`topic ${name} ${partitions}`),
    async remove() {
      child.stdin!.end();
      await new Promise((resolve) =>
        child.exitCode === null ? child.once("exit", resolve) : resolve(0)
      );
      removeFolder(folder);
    },
  };
}

export const kafka: Engine = {
  name: "Kafka (a mock)",
  variable: "KAFKA_BROKERS",
  commands: [
    "gcc",
    ...existsSync("/usr/include/librdkafka/rdkafka_mock.h") ? [] : ["rdkafka_mock.h"],
  ],
  packages: ["librdkafka-dev", "gcc"],
  create,
};
