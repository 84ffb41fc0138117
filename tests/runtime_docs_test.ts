/** The entries for Node, Deno and Bun say the same of the same, in the same order. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { guard } from "./_guard.ts";

guard(test);

const runtimes = ["Node", "Deno", "Bun"] as const;

type Runtime = typeof runtimes[number];

/** What each says in its own words; besides it, paragraphs that begin with "On Node," and so on. */
const ownWords: readonly string[] = ["httpServer @example"]; // of a server, elsewhere of a handler

/** What is exported for what a server is on a runtime, or for what its handlers are given. */
const ownNames = ["HttpServer", "ServeInfo", "BunServer", "FetchResult", "ServerContext"];

const read = (file: string): string =>
  readFileSync(new URL(`../src/runtime/${file}`, import.meta.url), "utf8");

/** An entry, and the file of its servers. */
const sources = (runtime: Runtime): readonly string[] => [
  read(`${runtime.toLowerCase()}.ts`),
  read(`servers/_${runtime.toLowerCase()}_server.ts`),
];

/** A comment in paragraphs, without what the runtimes cannot have in common. */
function paragraphs(comment: string, runtime: Runtime): readonly string[] {
  return comment.replace(/^ *\/?\*+\/? ?/gm, "")
    .replaceAll(`@runhost/host/${runtime.toLowerCase()}`, "@runhost/host/…")
    .replaceAll("```ts ignore", "```ts") // Deno cannot run what is for Bun
    .split(/\n\n|\n(?=@)/)
    .map((text) => text.trim().replaceAll("\n", " "));
}

/** The comments of the exported functions of a runtime. */
function docs(runtime: Runtime): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const source of sources(runtime)) {
    const exported = source.matchAll(
      /^(\/\*\*(?:(?!\*\/)[^])*\*\/)\nexport (?:async )?function (\w+)/gm,
    );
    for (const [, comment, name] of exported) found.set(name!, paragraphs(comment!, runtime));
  }
  return found;
}

/** What is to be the same everywhere. */
function common(runtime: Runtime, name: string): readonly string[] {
  let tag = "";
  return docs(runtime).get(name)!.filter((text) => {
    tag = /^@\w+/.exec(text)?.[0] ?? tag;
    return !ownWords.includes(`${name} ${tag}`) && !text.startsWith(`On ${runtime}, `);
  });
}

/** The names that an entry exports, in its order; those of one file in the alphabet's. */
function names(runtime: Runtime): readonly string[] {
  const [source] = sources(runtime);
  const exported = source!.matchAll(
    /^export (?:type )?(?:\{([^}]*)\}|(?:async )?function (\w+))/gm,
  );
  return [...exported].flatMap(([, list, name]) =>
    name ?? [...list!.matchAll(/(\w+)(?:,|\s*$)/g)].map(([, it]) => it!).sort()
  );
}

test("the entries for Node, Deno and Bun have docs of the same functions", () => {
  const functions = ["consoleLifetime", "createHost", "runHost", "httpServer", "probeServer"];
  for (const runtime of runtimes) assert.equal([...docs(runtime).keys()], functions, runtime);
});

for (const name of docs("Node").keys()) {
  test(`the docs of ${name}() are the same for Node, Deno and Bun`, () => {
    const expected = common("Node", name);
    assert.ok(expected.length >= 4, `only ${expected.length} paragraphs`);
    for (const runtime of runtimes) assert.equal(common(runtime, name), expected, runtime);
  });
}

test("the entries for Node, Deno and Bun export the same, in the same order", () => {
  const shared = (runtime: Runtime): readonly string[] =>
    names(runtime).filter((name) => !ownNames.includes(name));
  assert.ok(shared("Node").length >= 10);
  for (const runtime of runtimes) assert.equal(shared(runtime), shared("Node"), runtime);
});

test.run();
