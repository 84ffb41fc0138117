/**
 * Drills workers and leaders: kills them, takes their server away, gives them what they cannot do.
 *
 *     npm run test:drills                                  all drills on Node, Deno and Bun
 *     npm run test:drills -- --short                       some of them on Node: a part of `npm run test:engines`
 *     npm run test:drills -- --engine redis --drill kill --runtime node
 *
 * Each engine has a server of its own, which is killed and started again. Prints a table as `docs/engines.md`
 * has it, and counts each drill that lost something, or missed a limit, as failed.
 */
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runtimes } from "../../examples/_example.ts";
import { type Engine, type EngineServer, find } from "../servers/mod.ts";
import { postgres } from "../servers/postgres.ts";
import { redis } from "../servers/redis.ts";
import { Drill, type Result } from "./_drill.ts";
import { drills } from "./drills.ts";
import { drillEngines } from "./engines/mod.ts";
import { LeaderDrill, leaderPlans } from "./leaders.ts";

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    engine: { type: "string", default: "" },
    drill: { type: "string", default: "" },
    runtime: { type: "string", default: "" },
  },
});
const has = (text: string, word: string): boolean =>
  text.toLowerCase().includes(word.toLowerCase());

if (!existsSync(fileURLToPath(new URL("../node_modules", import.meta.url)))) {
  throw new Error("The clients are not installed: npm ci --prefix tests/engines");
}
const on = runtimes.filter(({ name }) => has(name, values.runtime || (values.short ? "Node" : "")));
const plans = drills.filter(({ name, short }) =>
  has(name, values.drill) && (short || !values.short)
);

let passed = 0;
let failed = 0;
const tables: string[] = [];

function cell({ lost, twice, back }: Result): string {
  return [
    `${lost} lost`,
    ...twice > 0 ? [`${twice} twice`] : [],
    ...back !== undefined ? [`back in ${(back / 1_000).toFixed(1)} s`] : [],
  ].join(", ");
}

/** Counts a drill, and says what is wrong. */
function tell(what: string, faults: readonly string[], log: string): void {
  if (faults.length === 0) passed++;
  else {
    failed++;
    console.log(`FAILED: ${what}: ${faults.join("; ")}\n${log}`);
  }
}

function table(title: string, rows: ReadonlyMap<string, readonly string[]>): string {
  return [
    `| ${title} | ${on.map((it) => it.name).join(" | ")} |`,
    `| --- |${on.map(() => " --- |").join("")}`,
    ...[...rows].map(([drill, cells]) => `| ${drill} | ${cells.join(" | ")} |`),
  ].join("\n");
}

/** Runs something while a server does, which is removed however this program ends. */
async function withServer(
  engine: Engine,
  run: (server: EngineServer) => Promise<void>,
): Promise<void> {
  const server = await engine.create();
  const leave = (): void => void server.remove().finally(() => process.exit(1));
  process.once("SIGINT", leave).once("SIGTERM", leave);
  try {
    await server.start();
    await run(server);
  } finally {
    process.off("SIGINT", leave).off("SIGTERM", leave);
    await server.remove();
  }
}

for (const engine of drillEngines) {
  const { name, commands, files = [] } = engine.server;
  if (!has(name, values.engine) || plans.length === 0) continue;
  if (!commands.every(find) || !files.every(existsSync)) {
    console.log(`NOT TESTED: ${name}: not on this machine`);
    continue;
  }
  await withServer(engine.server, async (server) => {
    const rows = new Map(plans.map((plan) => [plan.name, [] as string[]]));
    for (const { name: runtime, command } of on) {
      for (const plan of plans) {
        const drill = new Drill(engine, server, command);
        let faults: readonly string[];
        try {
          const result = await plan.run(drill);
          faults = result.faults;
          rows.get(plan.name)!.push(cell(result) + (faults.length > 0 ? " (!)" : ""));
          const stop = `stopped in ${Math.round(result.stop)} ms`;
          console.log(`${name}, ${runtime}, ${plan.name}: ${cell(result)}, ${stop}`);
        } catch (error) {
          faults = [`${error}`];
          rows.get(plan.name)!.push("failed");
        }
        await drill.close();
        tell(`${name}, ${runtime}, ${plan.name}`, faults, drill.log);
      }
    }
    tables.push(table(name, rows));
  });
}

for (const engine of [postgres, redis]) {
  const { name, commands } = engine;
  const plans = leaderPlans.filter((plan) => has(plan.name, values.drill));
  if (values.short || !has(`${name} leader`, values.engine) || plans.length === 0) continue;
  if (!commands.every(find)) {
    console.log(`NOT TESTED: ${name}: not on this machine`);
    continue;
  }
  await withServer(engine, async (server) => {
    const rows = new Map(plans.map((plan) => [plan.name, [] as string[]]));
    for (const { name: runtime, command } of on) {
      for (const plan of plans) {
        const drill = new LeaderDrill(name, server, command);
        let faults: readonly string[];
        try {
          await drill.start();
          await plan.run(drill);
          const { gap, refused, ...result } = await drill.conclude();
          faults = result.faults;
          const text = `${(gap / 1_000).toFixed(1)} s${refused > 0 ? `, ${refused} refused` : ""}`;
          rows.get(plan.name)!.push(text + (faults.length > 0 ? " (!)" : ""));
          console.log(`${name} lease, ${runtime}, ${plan.name}: ${text}`);
        } catch (error) {
          faults = [`${error}`];
          rows.get(plan.name)!.push("failed");
        }
        await drill.close();
        tell(`${name} lease, ${runtime}, ${plan.name}`, faults, drill.log);
      }
    }
    tables.push(table(`lease in ${name}`, rows));
  });
}

console.log(`\n${tables.join("\n\n")}\n`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
