/**
 * Measures what each entry costs a bundle, minified and gzipped; run by `npm run size`.
 *
 * Exits with 1 when an entry is above its limit.
 */
import { gzipSync } from "node:zlib";
import process from "node:process";
import { analyzeMetafile, build } from "esbuild";

/** What a program imports, and how many bytes that may add to what it has already. */
interface Budget {
  readonly name: string;
  readonly code: string;
  /** The name of the budget whose measured size this one comes on top of. */
  readonly beyond?: string;
  readonly limit: number;
}

const kB = 1024;
const core = "export { BackgroundService, runHost }";

// Every rule of docs/design.md is in the core's bytes, with the checks and messages an operator needs.
const budgets: readonly Budget[] = [
  { name: "core", code: `${core} from "@runhost/host"`, limit: 8 * kB },
  { name: "node", code: `${core} from "@runhost/host/node"`, beyond: "core", limit: 2.75 * kB },
  { name: "deno", code: `${core} from "@runhost/host/deno"`, beyond: "core", limit: 2.87 * kB },
  { name: "bun", code: `${core} from "@runhost/host/bun"`, beyond: "core", limit: 2.96 * kB },
  {
    name: "health",
    code: `${core} from "@runhost/host"; export { healthHandler } from "@runhost/host/health"`,
    beyond: "core",
    limit: 1.2 * kB,
  },
  {
    name: "hono",
    code: `${core} from "@runhost/host"; export { hostContext } from "@runhost/host/hono"`,
    beyond: "core",
    limit: 1.0 * kB,
  },
  {
    name: "channels",
    code: `${core} from "@runhost/host"; export { Channel } from "@runhost/host/channels"`,
    beyond: "core",
    limit: 1.8 * kB,
  },
  {
    name: "consumers",
    code:
      `${core} from "@runhost/host"; export { consumer, TaskQueue } from "@runhost/host/consumers"`,
    beyond: "core",
    limit: 7.5 * kB,
  },
  {
    name: "workers",
    code:
      `${core} from "@runhost/host"; export { exportedHandler, lazyHost } from "@runhost/host/workers"`,
    beyond: "core",
    limit: 3.25 * kB,
  },
  {
    name: "objects",
    code: `${core} from "@runhost/host"; export { BackgroundObject } from "@runhost/host/workers"`,
    beyond: "core",
    limit: 1.45 * kB,
  },
  {
    // Without croner, which whoever uses this has chosen.
    name: "cron",
    code: `${core} from "@runhost/host"; export { cron } from "@runhost/host/cron"`,
    beyond: "core",
    limit: 2.9 * kB,
  },
  // All of the core: whoever makes a service inside another has more of it than the least.
  { name: "mod", code: `export * from "@runhost/host"`, beyond: "core", limit: 4.5 * kB },
  {
    name: "supervision",
    code: `export * from "@runhost/host"; export * from "@runhost/host/supervision"`,
    beyond: "mod",
    limit: 4.8 * kB,
  },
  {
    // With the pump of the consumers, and without croner, which is asked for when something recurs.
    name: "jobs",
    code: `${core} from "@runhost/host"; export { defineJob, jobServer } from "@runhost/host/jobs"`,
    beyond: "core",
    limit: 15 * kB,
  },
  {
    // Without a driver, which the runtime has.
    name: "jobs/sqlite",
    code: `export * from "@runhost/host"; export { sqlite } from "@runhost/host/jobs/sqlite"`,
    beyond: "mod",
    limit: 9.1 * kB,
  },
  {
    name: "jobs/postgres",
    code: `export * from "@runhost/host"; export { postgres } from "@runhost/host/jobs/postgres"`,
    beyond: "mod",
    limit: 11 * kB,
  },
  {
    // Without hono, which whoever mounts it has.
    name: "dashboard",
    code: `${core} from "@runhost/host"; export { dashboard } from "@runhost/host/dashboard"`,
    beyond: "core",
    limit: 12 * kB,
  },
  {
    name: "rabbitmq",
    code: `${core} from "@runhost/host"; export { rabbitSource } from "@runhost/host/rabbitmq"`,
    beyond: "core",
    limit: 3.5 * kB,
  },
  {
    name: "kafka",
    code: `${core} from "@runhost/host"; export { kafkaSource } from "@runhost/host/kafka"`,
    beyond: "core",
    limit: 4.5 * kB,
  },
  {
    name: "redis",
    code: `${core} from "@runhost/host"; export { streamSource } from "@runhost/host/redis"`,
    beyond: "core",
    limit: 3.5 * kB,
  },
  {
    name: "postgres",
    code: `${core} from "@runhost/host"; export { postgresLease } from "@runhost/host/postgres"`,
    beyond: "core",
    limit: 1.5 * kB,
  },
  {
    // Without the API of OpenTelemetry, which whoever uses this has already.
    name: "opentelemetry",
    code:
      `${core} from "@runhost/host"; export { openTelemetry, tracing, traceHeaders } from "@runhost/host/opentelemetry"`,
    beyond: "core",
    limit: 3.5 * kB,
  },
  {
    // Never in a bundle; the limit only shows when it pulls in what it should not.
    name: "testing",
    code: `${core} from "@runhost/host"; export * from "@runhost/host/testing"`,
    beyond: "core",
    limit: 36 * kB,
  },
];

const sizes = new Map<string, number>();
for (const { name, code, beyond, limit } of budgets) {
  const { size, parts } = await measure(code);
  sizes.set(name, size);

  const cost = size - (beyond === undefined ? 0 : sizes.get(beyond)!);
  const left = Math.floor(limit - cost);
  const what = beyond === undefined ? name : `${name} beyond ${beyond}`;
  const verdict = left < 0 ? `TOO LARGE by ${-left}` : `${left} left`;
  console.log(`${what.padEnd(21)} ${cost} of ${Math.floor(limit)} bytes, ${verdict}`);
  if (left < 0) {
    process.exitCode = 1;
    console.log(parts);
  }
}

/** Bundles the sources: what their comments weigh is gone after minifying, as it is from `dist/`. */
async function measure(code: string): Promise<{ size: number; parts: string }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    metafile: true,
    external: ["@opentelemetry/api", "croner", "hono", "hono/*"],
  });
  const [bundle] = outputFiles;
  return {
    size: gzipSync(bundle!.contents, { level: 9 }).length,
    parts: await analyzeMetafile(metafile),
  };
}
