/**
 * Compares a `consumer` with the bare client's own loop, on servers that this starts for itself:
 *
 *     npx tsx bench/engines/main.ts             on Node; writes bench/engines/RESULTS.md
 *     npx tsx bench/engines/main.ts --quick     one short round; prints it
 *
 * The clients are those of the tests: `npm ci --prefix tests/engines`.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { type Engine, find } from "../../tests/engines/servers/mod.ts";
import { rabbitmq } from "../../tests/engines/servers/rabbitmq.ts";
import { redis } from "../../tests/engines/servers/redis.ts";
import { folder, prepare } from "../_commands.ts";
import { machine } from "../_machine.ts";
import { section } from "../_page.ts";
import { compare, jobsOf, time } from "../_rounds.ts";
import type { Scenario } from "../_scenario.ts";

const quick = process.argv.includes("--quick");

const common = {
  name: "engines",
  unit: "thousand/s",
  runtimes: ["node"],
  rounds: 3,
  goals: [
    {
      text: "at least 0.9x the bare client",
      of: "runhost",
      against: ["bare client"],
      atLeast: 0.9,
    },
  ],
} as const;

const scenarios: readonly (readonly [Engine, Scenario])[] = [
  [redis, {
    ...common,
    title: "Redis",
    about:
      `Messages that wait in a stream, each write on disk before its answer, are handled by a function that
does nothing, and acked one by one. The _bare client_ reads as many as may run, and then the next; _BullMQ_ has jobs
instead of a stream.`,
    variants: [
      { name: "bare client", program: "redis.mjs", argument: "bare" },
      { name: "runhost", program: "redis.mjs", argument: "runhost" },
      { name: "BullMQ", program: "redis.mjs", argument: "bullmq" },
    ],
  }],
  [rabbitmq, {
    ...common,
    title: "RabbitMQ",
    about: `The same with a quorum queue; as many messages are on their way as may run.`,
    variants: [
      { name: "bare client", program: "rabbitmq.mjs", argument: "bare" },
      { name: "runhost", program: "rabbitmq.mjs", argument: "runhost" },
    ],
  }],
];

await prepare({ build: true });
const sections: string[] = [];
for (const [engine, scenario] of scenarios) {
  if (!engine.commands.every(find)) {
    console.log(`NOT MEASURED: ${engine.name}: not on this machine`);
    continue;
  }
  const server = await engine.create();
  try {
    await server.start();
    process.env[engine.variable] = server.url;
    const jobs = jobsOf(scenario, { dotnet: false });
    const { failures } = await compare(jobs, 1);
    if (failures.length > 0) {
      throw new AggregateError(failures, "They do not do the same");
    }
    const rounds = quick ? 1 : scenario.rounds;
    const rows = await time(jobs, { full: !quick, rounds });
    sections.push(section({ scenario, rounds, rows }));
    console.log(`\n${sections.at(-1)}\n`);
  } finally {
    await server.remove();
  }
}

if (!quick) {
  const page = [
    "# Results with engines",
    "Written by `npx tsx bench/engines/main.ts`. [README.md](../README.md) says how to read it.",
    await machine(undefined),
    ...sections,
  ];
  writeFileSync(`${folder}engines/RESULTS.md`, `${page.join("\n\n")}\n`);
}
