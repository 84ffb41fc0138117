/** The sources that examples and guides show keep the contract of a source. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FolderSource } from "../../examples/18_file_pipeline/folder_source.ts";
import type { Source } from "../../src/consumers/mod.ts";
import { sourceContract, type SourceFixture } from "../../src/testing/mod.ts";

const folder = mkdtempSync(join(tmpdir(), "runhost-sources-"));
test.after(() => rmSync(folder, { recursive: true }));

function folderFixture(): SourceFixture<string> {
  const place = mkdtempSync(join(folder, "files-"));
  for (const name of ["inbox", "failed"]) mkdirSync(join(place, name));
  return {
    open: () => new FolderSource(place),
    send(text) {
      writeFileSync(join(place, "inbox", `.${text}`), "");
      renameSync(join(place, "inbox", `.${text}`), join(place, "inbox", text));
    },
    deadLetters: () => readdirSync(join(place, "failed")),
    kill() {}, // what it held is found by the next start
  };
}

for (
  const { name, run } of sourceContract(folderFixture, {
    can: ["deadLetters", "crashes"],
    silence: 50,
  })
) {
  test(`the folder of example 18: ${name}`, run);
}

/** The source over a table that docs/queues.md shows, with leases that a test can wait for. */
async function guideSource(): Promise<(database: PGlite) => Source<string>> {
  const guide = readFileSync(new URL("../../docs/queues.md", import.meta.url), "utf8");
  const [code = ""] = /^type Job = [^]*?^}$/m.exec(guide) ?? [];
  assert.match(code, "function tableSource(");
  const short = code.replaceAll("1 minute", "800 ms").replace("20_000", "100");
  assert.is(short.match(/800 ms/g)?.length, 2);
  const file = join(folder, "table.mts");
  writeFileSync(file, `${short.replace("function", "export function")}\n`);
  return (await import(pathToFileURL(file).href)).tableSource;
}

let database: PGlite;
let tableSource: (database: PGlite) => Source<string>;
test.before(async () => {
  tableSource = await guideSource();
  database = new PGlite();
  await tableSource(database).start?.(new AbortController().signal, undefined as never);
});
test.after(() => database.close());

async function tableFixture(): Promise<SourceFixture<string>> {
  await database.exec("delete from jobs");
  return {
    open: () => tableSource(database),
    send: (text) => database.query("insert into jobs (value) values ($1)", [text]),
    async deadLetters() {
      const { rows } = await database.query<{ value: string }>(
        "select value from jobs where error is not null",
      );
      return rows.map(({ value }) => value);
    },
    kill() {}, // its leases run out
  };
}

for (
  const { name, run } of sourceContract(tableFixture, {
    can: ["counts", "delays", "lease", "shares", "deadLetters", "crashes"],
    silence: 150,
    holdTimeout: 800,
  })
) {
  test(`the table of docs/queues.md: ${name}`, run);
}

test.run();
