import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ask } from "./_workerd.ts";

const worker = fileURLToPath(new URL("worker.ts", import.meta.url));
const compatibilityDate = "2026-08-01";

for (const compatibilityFlags of [[], ["nodejs_compat"]]) {
  const name = compatibilityFlags[0] ?? "no compatibility flag";
  test(`workerd, ${name}: a host made in global scope runs inside a request`, async () => {
    assert.equal(await ask(worker, { compatibilityDate, compatibilityFlags }), {
      log: ["open", "tick", "close"],
      states: ["pool stopped", "Ticker stopped"],
    });
  });
}

test.run();
