/** The rules of docs/design.md about who imports whom, and that its index is true. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { guard } from "./_guard.ts";

guard(test);

const root = new URL("../", import.meta.url);

const read = (file: string): string => readFileSync(new URL(file, root), "utf8");

/** Every source file, with the files it imports, types included. */
const graph = new Map(
  ["mod.ts", ...readdirSync(new URL("src", root), { recursive: true, encoding: "utf8" })]
    .map((file) => file.replaceAll("\\", "/"))
    .map((file) => file === "mod.ts" ? file : `src/${file}`)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => {
      const imports = read(file).matchAll(/^(?:import|export|\} from).*?"(\.[^"]+)";/gm);
      const modules = [...imports].map(([, path]) => normalize(join(dirname(file), path!)));
      return [file, modules] as const;
    }),
);

/** The entry that a file belongs to; the core has no name. */
function entryOf(file: string): string {
  const [, folder = ""] = /^src\/([^_][^/]*)\//.exec(file) ?? [];
  return folder;
}

/** Along which of these an entry may import another. */
const between: Readonly<Record<string, readonly string[]>> = {
  consumers: ["channels"],
  dashboard: ["health", "jobs"],
  hono: ["health"],
  jobs: ["consumers", "cron", "postgres"],
  kafka: ["consumers"], // types alone
  postgres: ["supervision"], // types alone
  rabbitmq: ["consumers"],
  redis: ["consumers", "supervision"], // types alone
  runtime: ["health"],
  systemd: ["health"],
  testing: ["consumers", "jobs", "supervision"], // types alone, and an error
};

test("every import leads to a file that is here", () => {
  for (const [file, imports] of graph) {
    for (const module of imports) assert.ok(graph.has(module), `${file} imports ${module}`);
  }
  assert.ok(graph.size > 60);
});

test("there is no circle, of types neither", () => {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    assert.not(path.includes(file), [...path, file].join(" -> "));
    if (done.has(file)) return;
    for (const module of graph.get(file) ?? []) visit(module, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
});

test("the core imports no entry, and an entry no other but those listed", () => {
  for (const [file, imports] of graph) {
    const entry = entryOf(file);
    for (const module of imports) {
      const other = entryOf(module);
      const allowed = other === "" || other === entry || between[entry]?.includes(other);
      assert.ok(allowed, `${file} imports ${module}`);
    }
  }
});

test("types.ts imports types alone, and no code stands in it", () => {
  const source = read("src/types.ts");
  assert.not(/^import (?!type)/m.test(source));
  assert.not(/^(export )?(const|let|function|class|enum)\b/m.test(source));
});

test("runtimes are named in runtime/, systemd/ and jobs/sqlite/, and where a module of theirs is asked for", () => {
  for (const file of graph.keys()) {
    if (/^src\/(runtime\/|systemd\/|jobs\/sqlite\/|_builtin\.ts)/.test(file)) continue;
    const code = read(file).replace(/\/\*[^]*?\*\/|\/\/.*/g, "");
    assert.not(
      /(?<!\.)\b(process\.|Deno\.|Bun\.|globalThis\.(process|Deno|Bun))|"node:/.test(code),
      file,
    );
  }
});

test("the root of src/ shows the public nouns and little else", () => {
  const files = [...graph.keys()].filter((file) => dirname(file) === "src");
  assert.ok(files.length <= 20, files.join(" "));
});

test("each function of the index in docs/design.md is where it says", () => {
  const design = read("docs/design.md");
  const index = design.slice(design.indexOf("## Where to find a rule"));
  const rows = index.slice(0, index.indexOf("\n## ")).split("\n").filter((line) =>
    /^\| .*`/.test(line)
  );
  assert.ok(rows.length >= 12);
  let found = 0;
  for (const row of rows) {
    const places = row.split("|")[2]!.matchAll(
      /((?:`#?\w+`(?:, | or )?)+)(?:[^`]*?) in `([^`]+)`/g,
    );
    for (const [, names, file] of places) {
      const source = read(file!);
      for (const [, name] of names!.matchAll(/`(#?\w+)`/g)) {
        const defined = new RegExp(
          `(function |const |async |^  |readonly )${name}\\b( =|\\(|:| = async)`,
          "m",
        );
        assert.ok(defined.test(source), `${name} is not in ${file}`);
        found++;
      }
    }
  }
  assert.ok(found >= 20, `only ${found} were looked for`);
});

test.run();
