/** What a program can be made of: the templates, the runtimes, and what installs packages. */
import process from "node:process";

/** @typedef {"worker" | "web" | "jobs"} Template */
/** @typedef {"node" | "deno" | "bun"} Runtime */
/** @typedef {"npm" | "pnpm" | "yarn" | "bun" | "deno"} PackageManager */

/**
 * @typedef {object} Answers All that is to be known of a program before it can be written.
 * @property {string} folder Its absolute path.
 * @property {Template} template
 * @property {Runtime} runtime
 * @property {PackageManager} packageManager
 */

/** @type {Readonly<Record<Template, string>>} */
export const templates = {
  worker: "background work, with probes",
  web: "a Hono server and a worker, with probes",
  jobs: "stored jobs in SQLite, a Hono server and the dashboard",
};

/** @type {Readonly<Record<Runtime, string>>} */
export const runtimes = {
  node: "Node 24 or newer, which runs TypeScript as it is",
  deno: "Deno 2",
  bun: "Bun 1.4 or newer",
};

/**
 * What installs packages for a runtime, the usual one first. Deno and Bun do it themselves.
 *
 * @type {Readonly<Record<Runtime, readonly [PackageManager, ...PackageManager[]]>>}
 */
export const packageManagers = {
  node: ["npm", "pnpm", "yarn", "bun"],
  deno: ["deno"],
  bun: ["bun"],
};

/**
 * How each runs a script of the program.
 *
 * @type {Readonly<Record<PackageManager, string>>}
 */
export const run = {
  npm: "npm run",
  pnpm: "pnpm run",
  yarn: "yarn run",
  bun: "bun run",
  deno: "deno task",
};

/**
 * The commands that come next, to be run in the folder of the program.
 *
 * @param {Pick<Answers, "packageManager">} answers
 */
export function commandsOf({ packageManager }) {
  return {
    install: `${packageManager} install`,
    start: `${run[packageManager]} start`,
  };
}

/**
 * The runtime and the package manager by which this command was started, `npm create`, `bun create`
 * and `deno run npm:create-runhost` among them: whoever asked will have them.
 *
 * @param {string} [userAgent] What a package manager says of itself to the commands that it starts.
 * @returns {{ runtime: Runtime, packageManager: PackageManager, version: string | undefined }}
 */
export function startedBy(userAgent = process.env["npm_config_user_agent"] ?? "") {
  if ("Deno" in globalThis) {
    return { runtime: "deno", packageManager: "deno", version: undefined };
  }
  const [, name, version] = /^(npm|pnpm|yarn|bun)\/(\d\S*)/.exec(userAgent) ?? [];
  const packageManager = /** @type {PackageManager} */ (name ?? "npm");
  if (packageManager === "bun" || "Bun" in globalThis) {
    return { runtime: "bun", packageManager: "bun", version };
  }
  return { runtime: "node", packageManager, version };
}

/**
 * What to say where the program is for Node, and this Node is too old to run it.
 *
 * @param {Runtime} runtime
 */
export function nodeProblem(runtime) {
  const { node } = process.versions;
  if (runtime !== "node" || "Deno" in globalThis || "Bun" in globalThis) {
    return undefined;
  }
  if (Number(node.split(".", 1)[0]) >= 24) return undefined;
  return `This is Node ${node}. The program needs Node 24 or newer: https://nodejs.org`;
}
