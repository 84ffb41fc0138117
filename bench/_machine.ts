/** On what was measured, and with which versions. */
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, totalmem, type } from "node:os";
import process from "node:process";
import { bun, deno } from "../scripts/runtimes.ts";
import { folder, output } from "./_commands.ts";

/** One line on the machine, one on the runtimes, one on the rivals. */
export async function machine(dotnetHost: string | undefined): Promise<string> {
  const [{ model } = { model: "unknown processor" }] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const net = dotnetHost === undefined
    ? "no .NET"
    : `.NET ${await runtimeVersion()} with Microsoft.Extensions.Hosting ${dotnetHost}`;
  const versions = [
    `Node ${process.versions.node}`,
    (await output(deno, ["--version"])).split(/\s/).slice(0, 2).join(" ")
      .replace("deno", "Deno"),
    `Bun ${(await output(bun, ["--version"])).trim()}`,
    net,
  ];
  const { dependencies } = manifest(".");
  const rivals = Object.keys(dependencies ?? {}).map((name) =>
    `${name} ${manifest(`node_modules/${name}`).version}`
  );
  return [
    `- Machine: ${model.trim()}, ${availableParallelism()} cores, ${memory} GiB, ${type()} ${arch()}`,
    `- Runtimes: ${versions.join(", ")}`,
    `- Rivals: ${rivals.join(", ")}`,
  ].join("\n");
}

async function runtimeVersion(): Promise<string> {
  const found = /Microsoft\.NETCore\.App (\S+)/.exec(
    await output("dotnet", ["--list-runtimes"]),
  );
  return found?.[1] ?? "";
}

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function manifest(path: string): Manifest {
  return JSON.parse(readFileSync(`${folder}${path}/package.json`, "utf8"));
}
