/** Whole programs, on each runtime: how they end, and with which exit code. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { beside } from "./_lanes.ts";
import { type Ending, pass, Program } from "./_program.ts";
import { fixture, node, type Runtime, runtimes } from "./_runtimes.ts";

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
      const { exit, stdout, stderr } = await program.ending;
      assert.is(exit, 1);
      assert.equal(stdout.slice(-2), [`caught: ServiceTimeoutError, ${phase}`, "main: end"]);
      assert.match(
        stderr.at(-1)!,
        /^The process is still there 5 s after the stop, kept alive by .*; exiting: still running: "/,
      );
    });
  }

  beside(test, `${name}: an abandoned stop that holds nothing is not waited for`, async () => {
    const program = start(runtime, "hung.ts", "stop");
    await program.prints("ready");
    program.send("SIGTERM");
    const { exit, stdout, stderr } = await program.ending;
    assert.is(exit, 1);
    assert.is(stdout.at(-1), "main: end");
    assert.is(mentions(stderr, "exiting"), 0);
    assert.is(mentions(stderr, "still there"), 0, "It waited");
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
    program.send("SIGTERM");
    // Had it stayed for 5 s it would say so.
    assert.equal(await program.ending, {
      exit: 0,
      stdout: ["started", "stop", "main: end"],
      stderr: [],
    });
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
      } while (gap > 200); // that was no echo
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

  const [none, all] = ["0,0,0", name === "Deno" ? "0,0,0" : "1,1,1"];

  for (const manner of ["signalled", "failing"]) {
    beside(test, `${name}: the handlers stay in a process that goes on, ${manner}`, async () => {
      const program = start(runtime, "handlers.ts", manner);
      await program.prints(`running: ${all}`);
      if (manner === "signalled") program.send("SIGTERM");
      await program.prints(`after: ${all}`);
      await pass(700); // no echo, and still the time of last words
      program.send("SIGTERM");
      await pass(700);
      program.send("SIGINT");
      assert.equal(await program.ending, {
        exit: 130,
        stdout: [`before: ${none}`, `running: ${all}`, `after: ${all}`],
        stderr: [],
      });
    });
  }

  beside(
    test,
    `${name}: no process is deaf, 5 s after the last stop any signal ends it`,
    async () => {
      const program = start(runtime, "handlers.ts", "failing");
      await program.warns("The process is still there 5 s after the stop");
      program.send("SIGTERM");
      assert.is((await program.ending).exit, 143);
    },
  );

  beside(
    test,
    `${name}: after a stop that nobody's signal caused nothing of ours is left`,
    async () => {
      const program = start(runtime, "handlers.ts", "asked");
      await program.prints(`after: ${none}`);
      program.send("SIGTERM");
      assert.equal(await program.ending, {
        exit: "SIGTERM",
        stdout: [`before: ${none}`, `running: ${all}`, `after: ${none}`],
        stderr: [],
      });
    },
  );

  beside(test, `${name}: no handlers without a host lifetime`, async () => {
    const program = start(runtime, "handlers.ts", "none");
    await program.prints("running: 0,0,0");
    program.send("SIGTERM");
    assert.is((await program.ending).exit, "SIGTERM");
  });

  beside(test, `${name}: a signal stops a host that nobody runs`, async () => {
    const program = start(runtime, "alone.ts");
    await program.prints("ready");
    program.send("SIGTERM");
    assert.equal(await program.ending, {
      exit: 0,
      stdout: ["ready", "database: closed"],
      stderr: [],
    });
  });

  beside(test, `${name}: a host that nobody runs and whose stop fails, exit code 1`, async () => {
    const program = start(runtime, "alone.ts", "failing");
    await program.prints("ready");
    program.send("SIGTERM");
    const { exit, stderr } = await program.ending;
    assert.is(exit, 1);
    assert.is(mentions(stderr, "nobody waited for it: Error: The database is gone"), 1);
  });

  beside(test, `${name}: a process that stays says what keeps it alive, and stays`, async () => {
    const program = start(runtime, "stays.ts", "later");
    await program.prints("ready");
    program.send("SIGTERM");
    await program.prints("main: end");
    const { exit, stderr } = await program.ending;
    assert.is(exit, 0);
    const what = name === "Bun" ? "something that was not closed" : "Timeout";
    const line = `^The process is still there 5 s after the stop, kept alive by ${what}$`;
    assert.match(stderr.join("\n"), new RegExp(line));
  });

  beside(test, `${name}: exitAfter ends a process that stays`, async () => {
    const program = start(runtime, "stays.ts", "exitAfter");
    await program.prints("ready");
    program.send("SIGTERM");
    const { exit, stdout, stderr } = await program.ending;
    assert.is(exit, 0);
    assert.equal(stdout, ["ready", "main: end"]);
    assert.match(
      stderr.join("\n"),
      /^The process is still there 0.3 s after the stop, kept alive by .*; exiting: exitAfter is over$/,
    );
  });

  beside(test, `${name}: a later clean run takes the exit code of an attempt back`, async () => {
    assert.equal(await start(runtime, "retry.ts").ending, {
      exit: 0,
      stdout: ["attempt 1: Not there yet", "attempt 2: done"],
      stderr: [],
    });
  });

  beside(test, `${name}: eleven hosts stop on one signal, and nothing warns`, async () => {
    const program = start(runtime, "eleven.ts");
    await program.prints("ready");
    program.send("SIGTERM");
    assert.equal(await program.ending, { exit: 0, stdout: ["ready", "main: end"], stderr: [] });
  });

  beside(test, `${name}: who is cut by an exit in the middle of the stop is named`, async () => {
    const program = start(runtime, "exits.ts");
    await program.prints("ready");
    program.send("SIGTERM");
    const { exit, stdout, stderr } = await program.ending;
    assert.is(exit, 3);
    assert.equal(stdout, ["ready"]);
    assert.match(
      stderr.join("\n"),
      /^The process exits in the middle of the stop: still running: "library" \(stopping, \d+ ms\), "database" \(not stopped\), "orders" \(not stopped\)$/,
    );
  });

  beside(test, `${name}: what one host gave up does not end the process of another`, async () => {
    const program = start(runtime, "two_hosts.ts");
    await program.prints("caught: ServiceTimeoutError");
    await pass(6_000);
    program.send("SIGTERM");
    const { exit, stdout } = await program.ending;
    assert.is(exit, 1);
    assert.equal(stdout.slice(1), ["store: saved", "main: end"]);
  });

  beside(
    test,
    `${name}: a stop that stood still for longer than its limits is not cut`,
    async () => {
      const program = start(runtime, "frozen.ts");
      await program.prints("ready");
      program.send("SIGTERM");
      await program.prints("store: stop");
      program.send("SIGSTOP");
      await pass(5_000);
      program.send("SIGCONT");
      assert.equal(await program.ending, {
        exit: 0,
        stdout: ["ready", "store: stop", "store: saved", "main: end"],
        stderr: [],
      });
    },
  );

  beside(test, `${name}: a host in a worker thread handles no signal`, async () => {
    // Deno reads what a thread runs; Node 20 needs help with its language.
    const command = runtime.command.filter((word) => word !== "--deny-read");
    const permission = name === "Deno" ? ["--allow-read"] : [];
    const loader = runtime === node ? [import.meta.resolve("tsx/esm/api")] : [];
    const program = new Program([...command, ...permission, fixture("thread.ts"), ...loader]);
    await program.prints("running: 0");
    program.send("SIGTERM");
    assert.equal(await program.ending, { exit: "SIGTERM", stdout: ["running: 0"], stderr: [] });
  });

  beside(test, `${name}: nothing is left`, async () => {
    const program = start(runtime, "leftovers.ts");
    await program.prints("left: 0");
    // A timer that it left behind would keep it for a minute.
    assert.equal(await program.ending, { exit: 0, stdout: ["left: 0"], stderr: [] });
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
