/** Whole programs, on each runtime: how they end, and with which exit code. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { beside } from "./_lanes.ts";
import { type Ending, pass, Program } from "./_program.ts";
import { fixture, type Runtime, runtimes } from "./_runtimes.ts";

const test = suite("programs");

/** What may hang in `hung.ts`, and how its error calls that. */
const phases = {
  start: "service, start",
  stop: "service, stop",
  work: "Worker, execute",
  disposal: "service, dispose",
};

for (const runtime of runtimes) {
  const { name } = runtime;

  beside(test, `${name}: a crash of a worker is printed, exit code 1`, async () => {
    const { exit, stdout, stderr } = await start(runtime, "failing.ts", "work").ending;
    assert.is(exit, 1);
    assert.equal(stdout, ["pool: start", "pool: stop"]);
    assert.match(stderr[0]!, /^Service "reader": execute failed after \d+ ms: Error: No feed at/);
    assert.ok(stderr.slice(1).some((line) => /error: .*No feed at work/i.test(line)), "Not thrown");
  });

  beside(test, `${name}: a crash of a worker that main catches, exit code 1`, async () => {
    const { exit, stdout, stderr } = await start(runtime, "failing.ts", "work", "caught").ending;
    assert.is(exit, 1);
    assert.equal(stdout, ["pool: start", "pool: stop", "caught: No feed at work, 1", "main: end"]);
    assert.is(mentions(stderr, "No feed at work"), 1);
  });

  beside(test, `${name}: a failed start is printed, exit code 1`, async () => {
    const { exit, stdout, stderr } = await start(runtime, "failing.ts", "start").ending;
    assert.is(exit, 1);
    assert.equal(stdout, ["pool: start", "pool: stop"]);
    assert.ok(stderr.some((line) => line.startsWith('Service "feed": start failed after ')));
  });

  beside(test, `${name}: a failed start that main catches, exit code 1`, async () => {
    const { exit, stdout } = await start(runtime, "failing.ts", "start", "caught").ending;
    assert.is(exit, 1);
    assert.equal(stdout, ["pool: start", "pool: stop", "caught: No feed at start, 1", "main: end"]);
  });

  beside(test, `${name}: a failed stop that main catches, exit code 1`, async () => {
    const { exit, stdout } = await start(runtime, "failing.ts", "stop", "caught").ending;
    assert.is(exit, 1);
    assert.equal(stdout, ["pool: start", "pool: stop", "caught: No feed at stop, 1", "main: end"]);
  });

  for (const [hung, phase] of Object.entries(phases)) {
    beside(test, `${name}: an abandoned ${hung} that keeps the process alive`, async () => {
      const program = start(runtime, "hung.ts", hung, "busy");
      await program.prints("ready");
      program.send("SIGTERM");
      await program.prints("main: end");
      const ended = performance.now();
      const { exit, stdout, stderr } = await program.ending;
      const guarded = performance.now() - ended;
      assert.is(exit, 1);
      assert.equal(stdout.slice(-2), [`caught: ServiceTimeoutError, ${phase}`, "main: end"]);
      assert.is(stderr.at(-1), "Exiting: abandoned work still runs");
      assert.ok(guarded > 900 && guarded < 1_500, `It ended after ${guarded} ms`);
    });
  }

  beside(test, `${name}: an abandoned stop that holds nothing is not waited for`, async () => {
    const program = start(runtime, "hung.ts", "stop");
    await program.prints("ready");
    program.send("SIGTERM");
    await program.prints("main: end");
    const ended = performance.now();
    const { exit, stderr } = await program.ending;
    assert.is(exit, 1);
    assert.is(mentions(stderr, "Exiting"), 0);
    assert.ok(performance.now() - ended < 500, "It waited");
  });

  const stopped = ["pool: stop", "pool: stopped"];

  beside(test, `${name}: a batch that is complete, exit code 0`, async () => {
    assert.equal(await start(runtime, "batch.ts", "short").ending, {
      exit: 0,
      stdout: ["first: done", "second: half", "second: done", ...stopped, "main: end"],
      stderr: [],
    });
  });

  for (const [signal, code] of [["SIGINT", 130], ["SIGQUIT", 131], ["SIGTERM", 143]] as const) {
    beside(test, `${name}: a batch interrupted by ${signal}, exit code ${code}`, async () => {
      const program = start(runtime, "batch.ts", "long");
      await program.prints("second: half");
      program.send(signal);
      assert.equal(await program.ending, {
        exit: code,
        stdout: ["first: done", "second: half", ...stopped, "main: end"],
        stderr: [],
      });
    });
  }

  beside(test, `${name}: a batch that was complete before the signal, exit code 0`, async () => {
    const program = start(runtime, "batch.ts", "short");
    await program.prints("pool: stop");
    program.send("SIGTERM");
    assert.equal(await program.ending, {
      exit: 0,
      stdout: ["first: done", "second: half", "second: done", ...stopped, "main: end"],
      stderr: [],
    });
  });

  beside(test, `${name}: a batch that fails, exit code 1`, async () => {
    const { exit, stdout } = await start(runtime, "batch.ts", "fails").ending;
    assert.is(exit, 1);
    assert.equal(stdout, ["first: done", ...stopped]);
  });

  beside(test, `${name}: a host that holds nothing lives until the signal, no longer`, async () => {
    const program = start(runtime, "idle.ts");
    await program.prints("started");
    await pass(500);
    assert.equal(program.stdout, ["started"]);
    const sent = performance.now();
    program.send("SIGTERM");
    const ending = await program.ending;
    assert.ok(performance.now() - sent < 300, "It stayed");
    assert.equal(ending, { exit: 0, stdout: ["started", "stop", "main: end"], stderr: [] });
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT"] as const) {
    beside(test, `${name}: a stop faster than the echo of ${signal} is clean`, async () => {
      let ending: Ending;
      let gap: number;
      do {
        const program = start(runtime, "idle.ts");
        await program.prints("started");
        gap = program.sendDoubled(signal);
        ending = await program.ending;
      } while (gap > 5);
      assert.equal(ending, { exit: 0, stdout: ["started", "stop", "main: end"], stderr: [] });
    });

    beside(test, `EnsureSignalContinuesMainMethod (${name}, ${signal})`, async () => {
      const program = start(runtime, "exit_code.ts");
      await program.prints("Started");
      program.send(signal);
      const ending = await program.ending;
      assert.equal(ending, { exit: 123, stdout: ["Started", "Run has completed"], stderr: [] });
    });
  }

  beside(test, `EnsureEnvironmentExitCode (${name})`, async () => {
    const ending = await start(runtime, "hard_exit.ts", "124").ending;
    assert.equal(ending, { exit: 124, stdout: [], stderr: [] });
  });

  beside(test, `EnsureEnvironmentExitDoesntHang (${name})`, async () => {
    const ending = await start(runtime, "hard_exit.ts", "125", "sync").ending;
    assert.equal(ending, { exit: 125, stdout: [], stderr: [] });
  });

  for (const mechanic of ["Run", "WaitForShutdown"]) {
    beside(test, `ShutdownTest${mechanic} (${name})`, async () => {
      const program = start(runtime, "shutdown.ts", mechanic);
      await program.prints("Started");
      program.send("SIGINT");
      assert.equal(await program.ending, {
        exit: 0,
        stdout: ["Started", "Stopping firing", "Stopping end", "Stopped firing", "Stopped end"],
        stderr: [],
      });
    });
  }

  beside(test, `${name}: the handlers are there while the host is`, async () => {
    const [none, all] = ["0,0,0", name === "Deno" ? "0,0,0" : "1,1,1"];
    const program = start(runtime, "handlers.ts");
    await program.prints(`running: ${all}`);
    program.send("SIGTERM");
    await program.prints(`after: ${none}`);
    program.send("SIGTERM");
    assert.equal(await program.ending, {
      exit: "SIGTERM",
      stdout: [`before: ${none}`, `running: ${all}`, `after: ${none}`],
      stderr: [],
    });
  });

  beside(test, `${name}: no handlers without a host lifetime`, async () => {
    const program = start(runtime, "handlers.ts", "none");
    await program.prints("running: 0,0,0");
    program.send("SIGTERM");
    assert.is((await program.ending).exit, "SIGTERM");
  });

  beside(test, `${name}: nothing is left`, async () => {
    const program = start(runtime, "leftovers.ts");
    await program.prints("left: 0");
    const ended = performance.now();
    assert.equal(await program.ending, { exit: 0, stdout: ["left: 0"], stderr: [] });
    assert.ok(performance.now() - ended < 300, "Something kept it alive");
  });
}

beside(test, "Deno: no permission is needed", async () => {
  const program = start(runtimes.find(({ name }) => name === "Deno")!, "permissions.ts");
  await program.prints("ready");
  program.send("SIGINT");
  const permissions = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];
  assert.equal(await program.ending, {
    exit: 0,
    stdout: [...permissions.map((name) => `${name}: denied`), "ready", "main: end"],
    stderr: [],
  });
});

function start(runtime: Runtime, name: string, ...args: string[]): Program {
  return new Program([...runtime.command, fixture(name), ...args]);
}

function mentions(lines: readonly string[], text: string): number {
  return lines.filter((line) => line.includes(text)).length;
}

test.run();
