/** Each signal in each phase of a host, on each runtime: what is printed, and the exit code. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { beside } from "./_lanes.ts";
import { type Ending, pass, Program } from "./_program.ts";
import { fixture, type Runtime, runtimes } from "./_runtimes.ts";

const test = suite("signals");

const numbers = { SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
const signals = ["SIGINT", "SIGTERM", "SIGQUIT"] as const;
type StopSignal = typeof signals[number];

/** What is printed before the signal, and after it by a stop that comes to its end. */
const phases = {
  starting: {
    before: ["pool: start", "cache: start"],
    after: ["pool: stop", "pool: stopped", "main: end"],
  },
  running: {
    before: ["pool: start", "cache: start", "worker: running"],
    after: [
      "worker: finished",
      "cache: stop",
      "cache: stopped",
      "pool: stop",
      "pool: stopped",
      "main: end",
    ],
  },
  stopping: {
    before: ["pool: start", "cache: start", "worker: running", "worker: finished", "cache: stop"],
    after: ["cache: stopped", "pool: stop", "pool: stopped", "main: end"],
  },
} as const;
type Phase = keyof typeof phases;

for (const runtime of runtimes) {
  for (const phase of Object.keys(phases) as Phase[]) {
    for (const signal of signals) {
      const where = `${runtime.name}, ${phase}: ${signal}`;

      beside(test, `${where} once stops gracefully`, async () => {
        const program = await reached(runtime, phase);
        program.send(signal);
        assert.equal(await program.ending, graceful(phase));
      });

      beside(test, `${where} doubled within 5 ms stops gracefully`, async () => {
        const program = await reached(runtime, phase);
        program.sendDoubled(signal);
        assert.equal(await program.ending, graceful(phase));
      });

      beside(test, `${where} twice, 700 ms apart, forces the end`, async () => {
        const program = await reached(runtime, phase, "stubborn");
        program.send(signal);
        await pass(700);
        program.send(signal);
        assert.equal(timeless(await program.ending), forced(phase, signal));
      });
    }
  }
}

for (const runtime of runtimes) {
  beside(test, `${runtime.name}: a signal within the quiet window changes nothing`, async () => {
    const program = await reached(runtime, "running");
    program.send("SIGTERM");
    await pass(300);
    program.send("SIGINT");
    assert.equal(await program.ending, graceful("running"));
  });

  beside(test, `${runtime.name}: another signal is an echo like the same one`, async () => {
    const program = await reached(runtime, "running");
    program.sendDoubled("SIGINT", "SIGTERM");
    assert.equal(await program.ending, graceful("running"));
  });

  beside(test, `${runtime.name}: the signal that forces the end gives the code`, async () => {
    const program = await reached(runtime, "running", "stubborn");
    program.send("SIGINT");
    await pass(700);
    program.send("SIGTERM");
    assert.equal(timeless(await program.ending), forced("running", "SIGTERM"));
  });

  beside(test, `${runtime.name}: a forced end reports although Ctrl+C has an echo`, async () => {
    const program = await reached(runtime, "running", "stubborn");
    program.sendDoubled("SIGINT");
    await pass(700);
    program.sendDoubled("SIGINT");
    assert.equal(timeless(await program.ending), forced("running", "SIGINT"));
  });

  beside(test, `${runtime.name}: a third signal ends at once`, async () => {
    const program = await reached(runtime, "running", "hopeless");
    program.send("SIGTERM");
    await pass(700);
    program.send("SIGTERM");
    await program.prints("pool: stop");
    await pass(600);
    const sent = performance.now();
    program.send("SIGTERM");
    const { exit, stdout } = await program.ending;
    assert.is(exit, 143);
    assert.is(stdout.at(-1), "pool: stop");
    assert.ok(performance.now() - sent < 300, "It waited for the pool");
  });
}

/** Starts the program and waits until it has come to the phase. */
async function reached(runtime: Runtime, phase: Phase, manner = "polite"): Promise<Program> {
  const program = new Program([...runtime.command, fixture("phases.ts"), phase, manner]);
  await program.prints(phases[phase].before.at(-1)!);
  return program;
}

function graceful(phase: Phase): Ending {
  const { before, after } = phases[phase];
  return { exit: 0, stdout: [...before, ...after], stderr: [] };
}

/** The cache hangs, in its start or its stop; everything else still gets its turn. */
function forced(phase: Phase, signal: StopSignal): Ending {
  const hung = phase === "starting" ? "start" : "stop";
  const { before, after } = phases[phase];
  return {
    exit: 128 + numbers[signal],
    stdout: [...before, ...after].filter((line) => !/cache: stopped|main/.test(line)),
    stderr: [
      `Service "cache": ${hung} abandoned after _ ms`,
      `Forced to stop: still running: "cache" (${hung}, _ ms)`,
    ],
  };
}

function timeless({ stderr, ...ending }: Ending): Ending {
  return { ...ending, stderr: stderr.map((line) => line.replaceAll(/\d+ ms/g, "_ ms")) };
}

test.run();
