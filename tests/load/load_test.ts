/** The short form of `npm run test:load`. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rollOut, runtimes } from "./_rollout.ts";

for (const runtime of Object.keys(runtimes)) {
  test(`on ${runtime}, a deploy under load fails no request`, async () => {
    const { failures, exits } = await rollOut({ runtime, mode: "host", requests: 15_000 });
    assert.equal([...failures], []);
    assert.ok(exits.every((exit) => exit === 0), `the instances ended with ${exits}`);
  });
}

test.run();
