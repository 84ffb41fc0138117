/**
 * Compares the library with what one would use instead; run by `npm run bench`.
 *
 *     npm run bench                  all scenarios on Node, Deno and Bun; writes bench/RESULTS.md
 *     npm run bench -- --quick       the same in a short form; writes bench/QUICK.md, which is not kept
 *     npm run bench -- --smoke       only whether all variants do the same; times nothing
 *     npm run bench -- lifecycle     some scenarios alone; prints what the page would say
 *
 * Exits with 1 if a variant does not do what the others do; nothing is timed then.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { deno } from "../scripts/runtimes.ts";
import { buildDotnet, folder, prepare } from "./_commands.ts";
import { machine } from "./_machine.ts";
import { type Found, goalsTable, section } from "./_page.ts";
import { compare, jobsOf, time } from "./_rounds.ts";
import { scenarios } from "./scenarios.ts";
import { startServers } from "./_servers.ts";

const { values, positionals } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const { quick, smoke } = values;

const unknown = positionals.filter((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  const known = scenarios.map(({ name }) => name).join(", ");
  console.error(`No scenario ${unknown.join(", ")}: there are ${known}`);
  process.exit(1);
}
const selected = scenarios.filter(({ name }) =>
  positionals.length === 0 || positionals.includes(name)
);

await prepare({ build: !smoke });
// The smoke form is part of `npm test`, which must not depend on a second registry, nor on servers.
const dotnetHost = smoke ? undefined : await buildDotnet();

const stopServers = smoke ? () => {} : await startServers(selected);
try {
  if (await allDoTheSame() && !smoke) await measure();
} finally {
  await stopServers();
}

async function allDoTheSame(): Promise<boolean> {
  const counts = { passed: 0, failed: 0 };
  for (const scenario of selected) {
    const jobs = jobsOf(scenario, { dotnet: dotnetHost !== undefined });
    const { passed, failures } = await compare(jobs, 2);
    for (const failure of failures) console.error(failure);
    console.log(
      `${scenario.name}: ${passed} of ${jobs.length} variants do the same`,
    );
    counts.passed += passed;
    counts.failed += failures.length;
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  if (counts.failed > 0) process.exitCode = 1;
  return counts.failed === 0;
}

async function measure(): Promise<void> {
  const found: Found[] = [];
  for (const scenario of selected) {
    const began = performance.now();
    const jobs = jobsOf(scenario, { dotnet: dotnetHost !== undefined });
    const rounds = quick ? 1 : scenario.rounds;
    found.push({
      scenario,
      rounds,
      rows: await time(jobs, { full: !quick, rounds }),
    });
    console.log(`\n${section(found.at(-1)!)}\n`);
    console.log(
      `(${scenario.name}: ${((performance.now() - began) / 1_000).toFixed(1)} s)`,
    );
  }
  if (positionals.length === 0) await write(found);
}

async function write(found: readonly Found[]): Promise<void> {
  const form = quick
    ? "`npm run bench -- --quick`, one short round: too little to compare what is close"
    : "`npm run bench`";
  const page = [
    "# Results",
    `Written by ${form}. [README.md](README.md) says how to read it.`,
    await machine(dotnetHost),
    "## Goals",
    "Each section names the cases that miss a goal, by how much, and why.",
    goalsTable(found),
    ...found.map(section),
  ];
  const name = quick ? "QUICK.md" : "RESULTS.md";
  const path = `${folder}${name}`;
  writeFileSync(path, `${page.join("\n\n")}\n`);
  execFileSync(deno, [
    "fmt",
    "--quiet",
    "--config",
    `${folder}../deno.json`,
    path,
  ]);
  console.log(`Wrote bench/${name}`);
}
