/** docs/workarounds.md and the code name the same workarounds. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { guard } from "./_guard.ts";

guard(test);

const root = new URL("../", import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, root), "utf8");

/** The names in the code; a comment may break the line before one. */
const inCode = readdirSync(new URL("src", root), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) => [...read(`src/${file}`).matchAll(/\(Workaround:(?:\s|\*)+([\w-]+)\)/g)])
  .map(([, name]) => name!);

const rows = read("docs/workarounds.md").split("\n").filter((line) => /^\| [\w]+-/.test(line))
  .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

test("each workaround in the code is a row of docs/workarounds.md, and each row is in the code", () => {
  const inDocs = rows.map(([name]) => name!);
  assert.equal([...new Set(inDocs)].sort(), [...inDocs].sort(), "no row twice");
  assert.equal([...new Set(inCode)].sort(), [...inDocs].sort());
  assert.ok(inDocs.length >= 20);
});

test("each row says what, since when, and how to see that it is gone", () => {
  for (const [name, ...cells] of rows) {
    assert.is(cells.length, 3, name);
    for (const cell of cells) assert.ok(cell.length > 2, name);
  }
});

test.run();
