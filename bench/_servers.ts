/** The servers that some variants need: private ones, for as long as the benchmarks run. */
import process from "node:process";
import { engines, type EngineServer, find } from "../tests/engines/servers/mod.ts";
import type { Scenario } from "./_scenario.ts";

/**
 * Starts what the scenarios need and the machine has; sets the variables of the environment that say where it is.
 *
 * @returns What ends them.
 */
export async function startServers(
  scenarios: readonly Scenario[],
): Promise<() => Promise<void>> {
  const needed = new Set<string | undefined>(
    scenarios.flatMap(({ variants }) => variants.map(({ needs }) => needs)),
  );
  const servers: EngineServer[] = [];
  for (const { name, variable, commands, packages, create } of engines) {
    if (!needed.has(variable) || process.env[variable]) continue;
    if (!commands.every(find)) {
      console.error(
        `Without ${name}: it is not here (apt-get install ${packages.join(" ")})`,
      );
      continue;
    }
    const server = await create();
    servers.push(server);
    await server.start();
    process.env[variable] = server.url;
  }
  return async () => {
    for (const server of servers) await server.remove();
  };
}
