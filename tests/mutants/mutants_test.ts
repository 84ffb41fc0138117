/** Each fault can still be planted. Whether the tests see it says `npm run test:mutants`. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { plant } from "./mutant.ts";
import { mutants } from "./table.ts";

const root = new URL("../../", import.meta.url);
const files = readdirSync(new URL("tests", root), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith("_test.ts"))
  .map((file) => `tests/${file.replaceAll("\\", "/")}`);

test("each fault of the table can be planted", () => {
  const problems = mutants.flatMap((mutant) => {
    const source = readFileSync(new URL(mutant.file, root), "utf8");
    try {
      return plant(mutant, source) === source ? [`${mutant.file} stays: ${mutant.fault}`] : [];
    } catch (error) {
      return [`${mutant.fault}: ${error}`];
    }
  });
  assert.is(problems.join("\n"), "");
});

test("each fault of the table has tests", () => {
  const blind = mutants.flatMap(({ tests }) => tests)
    .filter((filter) => !files.some((file) => file.includes(filter)));
  assert.equal(blind, []);
});

test("no two faults of the table are the same", () => {
  const keys = mutants.map(({ file, from, to }) => `${file} ${from} ${to}`);
  assert.is(new Set(keys).size, keys.length);
  assert.is(new Set(mutants.map(({ fault }) => fault)).size, mutants.length);
});

test.run();
