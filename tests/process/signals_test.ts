/** Each signal in each phase of a host, on each runtime: what is printed, and the exit code. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { beside } from "./_lanes.ts";
import { type Ending, pass, Program, type Signal } from "./_program.ts";
import { fixture, type Runtime, runtimes } from "./_runtimes.ts";

const test = suite("signals");

const numbers = { SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
const signals = ["SIGINT", "SIGTERM", "SIGQUIT"] as const;
/** Those that a person sends. */
const forceSignals: readonly string[] = ["SIGINT", "SIGQUIT"];
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

      if (forceSignals.includes(signal)) {
        beside(test, `${where} twice, 700 ms apart, forces the end`, async () => {
          const program = await reached(runtime, phase, "stubborn");
          await heard(program, signal);
          program.send(signal);
          assert.equal(timeless(await program.ending), forced(phase, signal));
        });
      } else {
        beside(test, `${where} thrice, 700 ms apart, forces nothing and says why`, async () => {
          const program = await reached(runtime, phase, "held");
          await heard(program, signal);
          await heard(program, signal, 2);
          await program.warns(`Received ${signal} again: `);
          await heard(program, signal, 3);
          // What goes on is a start that was cancelled, and then a stop; or a stop.
          program.send("SIGUSR2");
          if (phase === "starting") {
            await program.prints("cache: stop");
            program.send("SIGUSR2");
          }
          const { exit, stdout, stderr } = timeless(await program.ending);
          assert.is(exit, 0);
          assert.equal(stdout, held(phase));
          const hook = phase === "starting" ? "start" : "stop";
          const line =
            `Received ${signal} again: the stop waits for "cache" (${hook}, _ ms), at most _ s more`;
          for (const it of stderr) assert.is(it, line);
        });
      }
    }
  }
}

for (const runtime of runtimes) {
  beside(test, `${runtime.name}: another signal is an echo like the same one`, async () => {
    const program = await reached(runtime, "running");
    program.sendDoubled("SIGINT", "SIGTERM");
    assert.equal(await program.ending, graceful("running"));
  });

  beside(test, `${runtime.name}: a Ctrl+C after a SIGTERM forces, and gives the code`, async () => {
    const program = await reached(runtime, "running", "stubborn");
    await heard(program, "SIGTERM");
    program.send("SIGINT");
    assert.equal(timeless(await program.ending), forced("running", "SIGINT"));
  });

  beside(test, `${runtime.name}: a forced end reports although Ctrl+C has an echo`, async () => {
    const program = await reached(runtime, "running", "stubborn");
    program.sendDoubled("SIGINT");
    await program.prints("heard: SIGINT");
    await pass(700);
    program.sendDoubled("SIGINT");
    assert.equal(timeless(await program.ending), forced("running", "SIGINT"));
  });

  beside(test, `${runtime.name}: a third Ctrl+C ends at once and names what ran`, async () => {
    const program = await reached(runtime, "running", "hopeless");
    await heard(program, "SIGTERM");
    program.send("SIGINT");
    await program.prints("pool: stop");
    await pass(700);
    program.send("SIGINT");
    const { exit, stdout, stderr } = timeless(await program.ending);
    assert.is(exit, 130);
    assert.equal(stdout.filter((line) => !line.startsWith("heard")).at(-1), "pool: stop");
    assert.equal(stderr, [
      'Service "cache": stop abandoned after _ ms',
      'The process exits in the middle of the stop: still running: "cache" (stop, _ ms), "pool" (stop, _ ms)',
    ]);
  });
}

/** Sends a signal, and waits until it has arrived and no echo of it counts any more. */
async function heard(program: Program, signal: Signal, times: number = 1): Promise<void> {
  program.send(signal);
  await program.prints(`heard: ${signal}`, times);
  await pass(700);
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

/** What is printed if the cache goes on when it is released. */
function held(phase: Phase): readonly string[] {
  const { before, after } = phases[phase];
  return [...before, ...after].flatMap((line) =>
    phase === "starting" && line === "pool: stop" ? ["cache: stop", "cache: stopped", line] : line
  );
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

/** Without what the fixture says of the signals. */
function timeless({ stdout, stderr, ...ending }: Ending): Ending {
  return {
    ...ending,
    stdout: stdout.filter((line) => !line.startsWith("heard: ")),
    stderr: stderr.map((line) => line.replaceAll(/\d+ (?=m?s)/g, "_ ")),
  };
}

test.run();
