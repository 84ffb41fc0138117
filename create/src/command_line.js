/** What was said on the command line. */
import { resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { packageManagers, runtimes, templates } from "./tools.js";

/** A command line that means nothing, or something that cannot be done. */
export class Misuse extends Error {}

export const help = `Usage: create-runhost [folder] [options]

  -t, --template <name>         ${Object.keys(templates).join(", ")}
  -r, --runtime <name>          ${Object.keys(runtimes).join(", ")}
  -p, --package-manager <name>  ${
  packageManagers.node.join(", ")
}; Deno and Bun install by themselves
  -y, --yes                     asks nothing, and takes what is usual for what was not said
      --help, --version

What was not said is asked. The folder has to be empty, or not there yet.`;

/**
 * @param {readonly string[]} args What follows the name of the command.
 * @throws {Misuse} If an option is unknown or has a value that it cannot have.
 * @returns {{ wish: Partial<import("./tools.js").Answers>, yes: boolean, show?: "help" | "version" }}
 */
export function readCommandLine(args) {
  const { values, positionals } = parse(args);
  if (values.help) return { wish: {}, yes: false, show: "help" };
  if (values.version) return { wish: {}, yes: false, show: "version" };
  if (positionals.length > 1) {
    throw new Misuse(`One folder, not ${positionals.length}\n\n${help}`);
  }

  /** @type {{ -readonly [Key in keyof import("./tools.js").Answers]?: import("./tools.js").Answers[Key] }} */
  const wish = {};
  const [folder] = positionals;
  if (folder !== undefined) wish.folder = resolve(process.cwd(), folder);
  if (values.template !== undefined) {
    wish.template = oneOf("--template", values.template, keysOf(templates));
  }
  if (values.runtime !== undefined) {
    wish.runtime = oneOf("--runtime", values.runtime, keysOf(runtimes));
  }
  if (values["package-manager"] !== undefined) {
    const known = [...new Set(Object.values(packageManagers).flat())];
    wish.packageManager = oneOf("--package-manager", values["package-manager"], known);
  }
  if (wish.runtime !== undefined && wish.packageManager !== undefined) {
    checkPair(wish.runtime, wish.packageManager);
  }
  return { wish, yes: values.yes === true };
}

/**
 * @param {import("./tools.js").Runtime} runtime
 * @param {import("./tools.js").PackageManager} packageManager
 * @throws {Misuse} If the one is not installed for by the other.
 */
export function checkPair(runtime, packageManager) {
  const known = packageManagers[runtime];
  if (known.includes(packageManager)) return;
  throw new Misuse(
    `With --runtime ${runtime} the package manager is ${known.join(", ")}, not ${packageManager}`,
  );
}

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        template: { type: "string", short: "t" },
        runtime: { type: "string", short: "r" },
        "package-manager": { type: "string", short: "p" },
        yes: { type: "boolean", short: "y" },
        help: { type: "boolean", short: "h" },
        version: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new Misuse(`${/** @type {Error} */ (error).message}\n\n${help}`);
  }
}

/**
 * @template {string} Name
 * @param {string} option
 * @param {string} value
 * @param {readonly Name[]} names
 */
function oneOf(option, value, names) {
  const name = names.find((it) => it === value);
  if (name === undefined) {
    throw new Misuse(`${option} is one of ${names.join(", ")}, not "${value}"`);
  }
  return name;
}

/**
 * @template {string} Name
 * @param {Readonly<Record<Name, unknown>>} record
 */
function keysOf(record) {
  return /** @type {Name[]} */ (Object.keys(record));
}
