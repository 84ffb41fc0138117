import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFixture } from "./fixture.ts";
import { judge, report } from "./verdict.ts";

for (const name of ["lifecycle.json", "timers.json", "channels.json", "cron.json"]) {
  test(`every recording in ${name} agrees, or follows the rule where we differ`, async () => {
    const verdicts = await judge(readFixture(new URL(name, import.meta.url)));
    console.log(`\n${name}\n${report(verdicts)}`);
    assert.is(verdicts.filter(({ wrong }) => wrong).length, 0);
  });
}

test.run();
