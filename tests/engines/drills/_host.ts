import process from "node:process";
import { runHost } from "../../../src/runtime/node.ts";

/** Runs what is drilled: with short limits, and one line for each thing that it has to say. */
export async function runDrilled(services: Parameters<typeof runHost>[0]): Promise<void> {
  const log = (line: string): void => console.error(line.split("\n")[0]);
  await runHost(services, {
    logger: { debug() {}, info: log, warn: log, error: log },
    shutdownTimeout: 5_000,
    abandonTimeout: 1_000,
  }).catch((error) => {
    console.error(`ended by: ${error.message}`);
    process.exit(1);
  });
}
