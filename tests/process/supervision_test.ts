/** Services that are restarted, and leaders, in processes that are told to stop or stand still. */
import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { beside } from "./_lanes.ts";
import { Program } from "./_program.ts";
import { fixture, type Runtime, runtimes } from "./_runtimes.ts";

const test = suite("supervision");

for (const runtime of runtimes) {
  const { name } = runtime;

  beside(test, `${name}: SIGTERM in the delay before a restart ends it, exit code 0`, async () => {
    const program = start(runtime, "supervised");
    await program.prints("feed: stop");
    program.send("SIGTERM");
    const { exit, stdout, stderr } = await program.ending;
    assert.is(exit, 0);
    assert.equal(stdout, [
      "restarting",
      "feed: stop",
      "pool: stop",
      "main: end, held by undefined",
    ]);
    assert.match(
      stderr[0]!,
      /^Service "feed" failed, and restarts in \d+ ms \(1 of 10\): Error: No/,
    );
  });

  beside(test, `${name}: SIGTERM ends what a leader runs, then gives the lease back`, async () => {
    const program = start(runtime, "leader");
    await program.prints("feed: leads, 1");
    program.send("SIGTERM");
    assert.equal(await program.ending, {
      exit: 0,
      stdout: [
        "feed: leads, 1",
        "feed: stop, true",
        "lost: released",
        "pool: stop",
        "main: end, held by undefined",
      ],
      stderr: [],
    });
  });

  beside(
    test,
    `${name}: a leader that stood still for too long stands by, and leads again`,
    async () => {
      const program = start(runtime, "leader");
      await program.prints("feed: leads, 1");
      program.send("SIGSTOP");
      await sleep(2_500);
      program.send("SIGCONT");
      await program.prints("feed: leads, 2");
      program.send("SIGTERM");
      const { exit, stdout } = await program.ending;
      assert.is(exit, 0);
      assert.equal(stdout.slice(0, 2), ["feed: leads, 1", "lost: undecided"]);
      assert.is(stdout[2], "feed: stop, false");
    },
  );
}

test.run();

function start(runtime: Runtime, kind: string): Program {
  return new Program([...runtime.command, fixture("supervision.ts"), kind]);
}
