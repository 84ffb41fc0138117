/** How programs are run: each in a fresh process, which has to answer with one line of JSON. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bun, deno } from "../scripts/runtimes.ts";
import type { RuntimeName, Scenario, Variant } from "./_scenario.ts";

const execute = promisify(execFile);

/** The folder this file is in. */
export const folder: string = fileURLToPath(new URL(".", import.meta.url));

const limit = 5 * 60_000;
const project = `${folder}dotnet`;
const assembly = `${project}/bin/Release/net10.0/Bench.dll`;

/** What starts a program on each runtime. On Deno packages come from `node_modules`, as they are. */
export const runtimes: Readonly<
  Record<RuntimeName, readonly [string, ...string[]]>
> = {
  node: [process.execPath],
  deno: [deno, "run", "--quiet", "-A", "--node-modules-dir=manual"],
  bun: [bun],
};

/** What to run: a variant of a scenario, on a runtime unless it is the one of `dotnet`. */
export interface Job {
  readonly scenario: Scenario;
  readonly variant: Variant;
  readonly runtime: RuntimeName | "dotnet";
}

/** What the program is asked for. */
export type Request = "check" | "measure quick" | "measure full";

/** Runs the program to its end and gives what it printed. */
export async function ask(
  { scenario, variant, runtime }: Job,
  request: Request,
): Promise<unknown> {
  const command = runtime === "dotnet" || variant.program === undefined
    ? ["dotnet", assembly, scenario.name]
    : [...runtimes[runtime], `${folder}${scenario.name}/${variant.program}`];
  const told = variant.argument === undefined ? [] : [variant.argument];
  try {
    const [file, ...args] = [...command, ...request.split(" "), ...told];
    return JSON.parse(await output(file!, args));
  } catch (error) {
    throw new Error(
      `Cannot ${request} ${scenario.name}, ${variant.name} on ${runtime}`,
      {
        cause: error,
      },
    );
  }
}

/** Runs a command in the folder of the benchmarks, and gives what it wrote. */
export async function output(
  file: string,
  args: readonly string[],
): Promise<string> {
  // Deno takes the packages of the root for its own unless it reads the manifests.
  const { DENO_NO_PACKAGE_JSON: _, ...environment } = process.env;
  const env = {
    ...environment,
    DOTNET_NOLOGO: "1",
    DOTNET_CLI_TELEMETRY_OPTOUT: "1",
  };
  const { stdout } = await execute(file, args, {
    cwd: folder,
    env,
    timeout: limit,
  });
  return stdout;
}

/** Compiles the .NET side. Gives the version of its host, or nothing where that cannot be. */
export async function buildDotnet(): Promise<string | undefined> {
  try {
    await output("dotnet", [
      "build",
      "--configuration",
      "Release",
      "--verbosity",
      "quiet",
      project,
    ]);
    return JSON.parse(await output("dotnet", [assembly, "version", "check"]));
  } catch (error) {
    console.error(
      "Without .NET:",
      error instanceof Error ? error.message.split("\n")[0] : error,
    );
    return undefined;
  }
}

/** Installs the rivals where they are missing, and compiles the library. */
export async function prepare(
  options: { readonly build: boolean },
): Promise<void> {
  const root = `${folder}..`;
  if (!existsSync(`${folder}node_modules`)) {
    await output("npm", ["ci", "--prefix", folder]);
  }
  if (options.build || !existsSync(`${root}/dist`)) {
    await output("npm", ["run", "build", "--prefix", root]);
  }
}
