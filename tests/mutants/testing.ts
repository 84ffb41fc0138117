/** Faults of the test kit. */
import type { Mutant } from "./mutant.ts";

const clock = "src/testing/fake_clock.ts";
const host = "src/testing/test_host.ts";
const source = "src/testing/fake_source.ts";
const lease = "src/testing/fake_lease.ts";
const bench = "src/testing/_source_bench.ts";
const contract = "src/testing/source_contract.ts";

export const testing: readonly Mutant[] = [
  {
    fault: "the clock lets no turn pass after a timer",
    file: clock,
    from: "callback(); await quiet();",
    to: "callback();",
    tests: ["tests/fake_clock"],
  },
  {
    fault: "the clock lets one turn pass after a timer",
    file: "src/testing/_real_time.ts",
    from: "wait(3);",
    to: "wait(1);",
    tests: ["tests/fake_clock"],
  },
  {
    fault: "timers of one moment fire in any order",
    file: clock,
    from: "(this.#timers[index - 1] as FakeTimer).at > timer.at",
    to: "(this.#timers[index - 1] as FakeTimer).at >= timer.at",
    tests: ["tests/fake_clock"],
  },
  {
    fault: "runAll() waits for what only keeps a process alive",
    file: clock,
    from: "return ms < longest;",
    to: "return ms <= longest;",
    tests: ["tests/fake_clock"],
  },
  {
    fault: "a test host moves its clock before the stop",
    file: host,
    from: "let ending = false;",
    to: "let ending = true;",
    tests: ["tests/test_host"],
  },
  {
    fault: "a test host does not move its clock in a rollback",
    file: host,
    from: "start: (signal?: AbortSignal) => waitFor(start(signal)),",
    to: "",
    tests: ["tests/test_host"],
  },
  {
    fault: "the end of a test host looks for no timers",
    file: host,
    from: ", ...describeTimers(clock)",
    to: "",
    tests: ["tests/test_host"],
  },
  {
    fault: "the end of a test host repeats what the test was told of",
    file: host,
    from: "known || errors.push(error)",
    to: "errors.push(error)",
    tests: ["tests/test_host"],
  },
  {
    fault: "a stop that waits for something real has no time for it",
    file: host,
    from: "const haste = 100;",
    to: "const haste = Infinity;",
    tests: ["tests/test_host"],
  },
  {
    fault: "a fake source delivers what is kept back",
    file: source,
    from: "if (this.delays && delay > 0) clock.setTimeout(back, delay); else back();",
    to: "back();",
    tests: ["tests/fake_source", "tests/source_contract"],
  },
  {
    fault: "a fake source lets an old delivery settle for the new one",
    file: source,
    from: "if (message.holder !== mine) return false; message.holder",
    to: "message.holder",
    tests: ["tests/fake_source", "tests/source_contract"],
  },
  {
    fault: "a fake lease goes to everybody",
    file: lease,
    from: 'if (this.#current()) return [undefined, "held"];',
    to: "",
    tests: ["tests/fake_lease", "tests/lease_contract"],
  },
  {
    fault: "a late call of a fake lease hears its signal",
    file: lease,
    from: "trouble.late ? undefined : signal",
    to: "signal",
    tests: ["tests/fake_lease"],
  },
  {
    fault: "the contract asks for more than there is room for",
    file: bench,
    from: "this.#concurrency - this.#taken.length",
    to: "this.#concurrency",
    tests: ["tests/source_contract"],
  },
  {
    fault: "the contract loses the answer of a receive that nobody awaits",
    file: bench,
    from: "for (const delivery of await call.catch(() => [])) await this.#bench.release(delivery);",
    to: "",
    tests: ["tests/source_contract"],
  },
  {
    fault: "the contract takes no notice of what is left in the queue",
    file: contract,
    from: "await bench.left( [left],",
    to: "if (left === undefined) await bench.left([left],",
    tests: ["tests/source_contract"],
  },
  {
    fault: "the object of a process outlives forgetSignals()",
    file: "src/testing/forget_signals.ts",
    from: "delete shared[key];",
    to: "",
    tests: ["tests/forget_signals"],
  },
  {
    fault: "the exit code of one test is that of the next",
    file: "src/runtime/_process_lifetime.ts",
    from: "takeCodeBack(); remains = undefined;",
    to: "remains = undefined;",
    tests: ["tests/forget_signals"],
  },
];
