/** Faults of what systemd is told. */
import type { Mutant } from "./mutant.ts";

const report = "src/systemd/_report.ts";
const messages = "src/systemd/_messages.ts";
const notify = "src/systemd/_notify.ts";
const tests = ["tests/systemd"];

export const systemd: readonly Mutant[] = [
  {
    fault: "the wish to stop is joined with what waits",
    file: messages,
    from: '"READY" in variables || "STOPPING" in variables',
    to: '"READY" in variables',
    tests,
  },
  {
    fault: "that the host is ready is joined with what waits",
    file: messages,
    from: '"READY" in variables || "STOPPING" in variables',
    to: '"STOPPING" in variables',
    tests,
  },
  {
    fault: "the host waits for a manager that does not listen",
    file: messages,
    from: "waiting.length = 0; giveUp?.(farewell);",
    to: "",
    tests,
  },
  {
    fault: "a message that nobody takes is waited for without end",
    file: messages,
    from: "const clear = startTimer(clock, patience, () => giveUp?.(patience));",
    to: "const clear = startTimer(clock, Infinity, () => {});",
    tests,
  },
  {
    fault: "each message that fails is warned of",
    file: messages,
    from: "if (warned) return;",
    to: "",
    tests,
  },
  {
    fault: "a value may hold a line break",
    file: messages,
    from: '.replace(/[\\p{Cc}\\s]+/gu, " ")',
    to: "",
    tests,
  },
  {
    fault: "the socket stays in the environment, for children to speak through",
    file: notify,
    from: "take(); return { name,",
    to: "return { name,",
    tests,
  },
  {
    fault: "the socket is not put back for the next host",
    file: "src/systemd/mod.ts",
    from: "socket.giveBack();",
    to: "",
    tests,
  },
  {
    fault: "notify does not find the socket where it was",
    file: notify,
    from: "giveBack(); try {",
    to: "try {",
    tests,
  },
  {
    fault: "the socket stays in the environment once notify was called",
    file: notify,
    from: "} finally { take(); }",
    to: "} finally {}",
    tests,
  },
  {
    fault: "a watchdog of another process is heard",
    file: "src/systemd/mod.ts",
    from: "if (pid && !isOwnProcess(pid)) return Infinity;",
    to: "",
    tests,
  },
  {
    fault: "a host that is not alive says that it is",
    file: report,
    from: "silent.length ? {",
    to: "silent.length < 0 ? {",
    tests,
  },
  {
    fault: "a stop that was asked for twice is said twice",
    file: report,
    from: 'const first = phase === "Starting" || phase === "Running";',
    to: "const first = true;",
    tests,
  },
  {
    fault: "a stop is extended once only",
    file: report,
    from: "after(extendEvery, busy);",
    to: "",
    tests,
  },
  {
    fault: "a start that was cancelled is said to have failed",
    file: report,
    from: "if (event.error === stopReason) return;",
    to: "",
    tests,
  },
  {
    fault: "the last thing that went wrong is told, not the first",
    file: report,
    from: 'case "serviceAbandoned": failure ??=',
    to: 'case "serviceAbandoned": failure =',
    tests,
  },
];
