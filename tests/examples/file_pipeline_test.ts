/** The file pipeline, killed in the middle of a file and started again. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { beside } from "../process/_lanes.ts";
import { Example, runtimes } from "./_example.ts";

const main = "18_file_pipeline/main.ts";

for (const runtime of runtimes) {
  beside(test, `18_file_pipeline on ${runtime.name} loses no file when it is killed`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "pipeline-"));
    const drop = (file: string, text: string): void =>
      writeFileSync(join(folder, "inbox", file), text);
    try {
      mkdirSync(join(folder, "inbox"));
      drop("a.txt", "one two three");
      drop("b.txt", "word ".repeat(500)); // ten seconds
      const first = new Example(runtime, [main], { DATA: folder });
      await first.prints(/a.txt: (3) words/);
      assert.ok(existsSync(join(folder, "work", "b.txt")));
      first.send("SIGKILL");
      await first.exit;

      writeFileSync(join(folder, "work", "b.txt"), "a shorter one");
      const second = new Example(runtime, [main], { DATA: folder });
      await second.prints(/b.txt: (3) words/);
      drop("empty.txt", "");
      await second.prints(/empty.txt: (moved to failed)/);
      second.send("SIGINT");
      assert.is(await second.exit, 0, second.output);

      assert.equal(readdirSync(join(folder, "done")).sort(), [
        "a.txt",
        "a.txt.count",
        "b.txt",
        "b.txt.count",
      ]);
      assert.equal(readdirSync(join(folder, "failed")), ["empty.txt"]);
      assert.equal(readdirSync(join(folder, "inbox")), []);
      assert.equal(readdirSync(join(folder, "work")), []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test.run();
