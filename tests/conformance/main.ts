/**
 * Replays files of recordings: `npx tsx tests/conformance/main.ts [file...]`. Prints how many agree
 * with .NET (for cron with Cronos) and how many follow each rule; exits with 1 if any disagrees.
 *
 * @module
 */

import process from "node:process";
import { readFixture } from "./fixture.ts";
import { judge, report } from "./verdict.ts";

const own = ["lifecycle.json", "timers.json", "channels.json", "cron.json"]
  .map((name) => new URL(name, import.meta.url));
const files = process.argv.slice(2);

for (const file of files.length > 0 ? files : own) {
  try {
    const fixture = readFixture(file);
    const verdicts = await judge(fixture);
    console.log(`${file}: ${verdicts.length} recordings (${fixture.kind})\n${report(verdicts)}`);
    if (verdicts.some(({ wrong }) => wrong)) process.exitCode = 1;
  } catch (error) {
    console.error(`${file}: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
