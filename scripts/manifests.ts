/**
 * Compares `package.json` with `deno.json`, both with the tree, and the package `create-runhost` with them; run
 * by `npm test -- manifests`.
 *
 * They say the same twice because npm and JSR read one each.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { section } from "./changelog.ts";

interface Target {
  readonly types: string;
  readonly default: string;
}
interface NpmManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, Target | string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
interface DenoManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, unknown>>;
  readonly compilerOptions: Readonly<Record<string, unknown>>;
}

const npm = read<NpmManifest>("package.json");
const deno = read<DenoManifest>("deno.json");
const lock = read<{ name: string; version: string }>("package-lock.json");
const create = read<NpmManifest & { dependencies: Record<string, string> }>("create/package.json");
const createLock = read<{ version: string }>("create/package-lock.json");
const typescript = read<Pick<DenoManifest, "compilerOptions">>("tsconfig.json");

let problems = 0;

for (const field of ["name", "version", "license"] as const) {
  same(field, npm[field], deno[field]);
}
same("version in package-lock.json", lock.version, npm.version);

// Both packages are released together: the templates of the one ask for the other.
for (const field of ["version", "license"] as const) {
  same(`${field} in create/package.json`, create[field], npm[field]);
}
same("version in create/package-lock.json", createLock.version, npm.version);
for (const template of ["worker", "web", "jobs"]) {
  for (const runtime of ["node", "bun"]) {
    const path = `create/templates/${template}/${runtime}/package.json`;
    const { dependencies = {} } = read<{ dependencies?: Record<string, string> }>(path);
    for (const [name, range] of Object.entries(dependencies)) sameRange(path, name, range);
  }
  const path = `create/templates/${template}/deno/deno.json`;
  for (const [name, specifier] of Object.entries(read<DenoManifest>(path).imports)) {
    const [, packageName = "", range = "", entry = ""] =
      /^(?:jsr|npm):(@?[^@]+)@([^/]+)(.*)$/.exec(specifier) ?? [];
    same(`imports of ${path}`, name, `${packageName}${entry}`);
    sameRange(path, packageName, range);
  }
}

// Each key in both, in the same order; npm's targets are what the build makes of Deno's.
same(
  "exports",
  Object.keys(npm.exports),
  [...Object.keys(deno.exports), "./package.json"],
);
for (const [key, source] of Object.entries(deno.exports)) {
  if (!existsSync(source)) report(`exports["${key}"]: there is no ${source}`);
  const built = source.replace("./", "./dist/");
  same(`exports["${key}"]`, npm.exports[key], {
    types: built.replace(/\.ts$/, ".d.ts"),
    default: built.replace(/\.ts$/, ".js"),
  });
}

// A guide says that its blocks are run.
for (const file of readdirSync("docs").filter((it) => it.endsWith(".md"))) {
  const hasBlocks = /^```ts *$/m.test(readFileSync(`docs/${file}`, "utf8"));
  if (!hasBlocks || `${deno.tasks["doc:test"]}`.includes(`docs/${file}`)) continue;
  report(`tasks["doc:test"]: the blocks of docs/${file} are not run`);
}

// The tests and examples get the same packages from either manifest.
for (const [name, specifier] of Object.entries(deno.imports)) {
  const [, packageName = "", path = ""] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(name) ?? [];
  const wanted = `npm:${packageName}@${npm.devDependencies[packageName]}${path}`;
  same(`imports["${name}"]`, specifier, wanted);
}

// Deno reads no tsconfig.json beside compiler options of its own, so those that make checks
// stricter stand in both. The others say where things are and what is emitted.
const elsewhere = ["target", "lib", "types", "module", "paths", "noEmit", "declaration"]
  // Deno has these always on.
  .concat("allowImportingTsExtensions", "isolatedModules");
same(
  "compilerOptions",
  Object.entries(typescript.compilerOptions).filter(([option]) => !elsewhere.includes(option)),
  Object.entries(deno.compilerOptions),
);

if (section(npm.version) === undefined) report(`CHANGELOG.md has no section for ${npm.version}`);

console.log(problems === 0 ? "The manifests agree" : `${problems} problem(s)`);

function read<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

/** A template takes what the tests take, and of this package what is about to be released. */
function sameRange(path: string, name: string, range: string): void {
  const wanted = name === npm.name ? `^${npm.version}` : npm.devDependencies[name];
  same(`${name} in ${path}`, range, wanted);
}

function same(what: string, left: unknown, right: unknown): void {
  const [a, b] = [JSON.stringify(left), JSON.stringify(right)];
  if (a !== b) report(`${what}: ${a} is not ${b}`);
}

function report(problem: string): void {
  problems++;
  process.exitCode = 1;
  console.log(problem);
}
