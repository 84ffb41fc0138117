/** Faults of the task queue. */
import type { Mutant } from "./mutant.ts";

const file = "src/consumers/task_queue.ts";
const tests = ["tests/task_queue"];

export const queue: readonly Mutant[] = [
  {
    fault: "a queue without room refuses with idle hands",
    file,
    from: "return this.#held < this.#capacity + this.#places;",
    to: "return this.#held < this.#capacity;",
    tests,
  },
  {
    fault: "a place to run is promised before the start",
    file,
    from: "none before the start. */ #places = 0;",
    to: "none before the start. */ #places = 1;",
    tests,
  },
  {
    fault: "who waits for room is not let in when the queue starts",
    file,
    from: "this.#places = this.#concurrency; this.#fill();",
    to: "this.#places = this.#concurrency;",
    tests,
  },
  {
    fault: "who waits for room is not let in when a task has ended",
    file,
    from: "if (this.#waiting.first) this.#fill();",
    to: "",
    tests,
  },
  {
    fault: "who waits for room is not told of the stop",
    file,
    from: "this.#waiting.reject(this.#closed());",
    to: "",
    tests,
  },
  {
    fault: "a queue in a second host refuses all",
    file,
    from: "if (this.executeTask !== earlier) this.#stopped = false;",
    to: "",
    tests,
  },
  {
    fault: "the timeout of a task is void",
    file,
    from: "{ concurrency, timeout, retry: { attempts: 1 } }",
    to: "{ concurrency, retry: { attempts: 1 } }",
    tests,
  },
  {
    fault: "with a timeout tasks share a signal",
    file: "src/consumers/_pump.ts",
    from: "const spare = timeout === Infinity && !held.hold ?",
    to: "const spare = !held.hold ?",
    tests,
  },
  {
    fault: "what may be lost shares a signal with others",
    file: "src/consumers/_pump.ts",
    from: "const spare = timeout === Infinity && !held.hold ?",
    to: "const spare = timeout === Infinity ?",
    tests: ["tests/consumer_hold"],
  },
  {
    fault: "a signal that somebody listens to is given to the next task",
    file: "src/consumers/_spare_signals.ts",
    from: "!spare.aborted && !spare.listened && ++spare.uses",
    to: "!spare.aborted && ++spare.uses",
    tests,
  },
  {
    fault: "a task that fails is tried again",
    file,
    from: "timeout, retry: { attempts: 1 } }",
    to: "timeout, retry: { attempts: 2 } }",
    tests,
  },
  {
    fault: "the tasks that never began are not left behind",
    file,
    from: "for (let task; (task = this.#tasks.shift());) { this.#unfinished.push(task);",
    to: "for (let task; (task = this.#tasks.shift());) {",
    tests,
  },
  {
    fault: "an interrupted task is not left behind",
    file,
    from: "if (!finished) this.#unfinished.push(task);",
    to: "",
    tests,
  },
  {
    fault: "a producer that need not wait starves the event loop",
    file,
    from: "while (turns.due()) await turns.give();",
    to: "",
    tests,
  },
  {
    fault: "a cancelled wait for room leaves those that wait for idleness waiting",
    file,
    from: "this.#update(); throw error;",
    to: "throw error;",
    tests,
  },
];
