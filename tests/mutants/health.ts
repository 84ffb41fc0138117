/** Faults of health and probes. */
import type { Mutant } from "./mutant.ts";

const watch = "src/health/_watch.ts";
const tests = ["tests/health"];

export const health: readonly Mutant[] = [
  {
    fault: "each answer of a health check leaves a subscription on the host",
    file: watch,
    from: "clear(); unsubscribe(); resolve(health);",
    to: "clear(); resolve(health);",
    tests,
  },
  {
    fault: "each answer of a health check leaves a timer",
    file: watch,
    from: "clear(); unsubscribe(); resolve(health);",
    to: "unsubscribe(); resolve(health);",
    tests,
  },
  {
    fault: "a check that hangs is asked again before it has answered",
    file: watch,
    from: "next = Infinity;",
    to: "next = -Infinity;",
    tests,
  },
  {
    fault: "an answer is good for the one who asks alone",
    file: watch,
    from: "next = clock.now() + fresh;",
    to: "next = clock.now();",
    tests,
  },
  {
    fault: "a check that hangs holds the probe",
    file: watch,
    from: "const clear = startTimer(clock, limit, giveUp);",
    to: "const clear = startTimer(clock, Infinity, giveUp);",
    tests,
  },
  {
    fault: "a check that is asked during the stop holds the probe",
    file: watch,
    from: 'host.subscribe(() => host.state === "started" || giveUp());',
    to: "host.subscribe(() => {});",
    tests,
  },
  {
    fault: "a service is not alive once the host stops",
    file: watch,
    from:
      'if (heartbeat === undefined || member.state !== "started" || host.state === "stopping") {',
    to: 'if (heartbeat === undefined || member.state !== "started") {',
    tests,
  },
  {
    fault: "a beat counts from the last one alone, not from the start",
    file: watch,
    from: "Math.max(member.since, member.beat)",
    to: "member.beat",
    tests,
  },
  {
    fault: "a failed service that is ignored makes the host not ready",
    file: watch,
    from: 'if (state === "failed") return { name, status: "ignored", error };',
    to: 'if (state === "failed") return found(name, error);',
    tests,
  },
  {
    fault: "a probe logs what it has logged already",
    file: watch,
    from: "said[what] = status; if",
    to: "if",
    tests,
  },
  {
    fault: "a check that throws undefined passes",
    file: watch,
    from: "return judged(error ?? null);",
    to: "return judged(error);",
    tests,
  },
  {
    fault: "a degraded service makes the host not ready",
    file: "src/health/_look.ts",
    from: 'return !findings.some(({ status }) => status === "failed");',
    to: 'return findings.every(({ status }) => status === "ok" || status === "ignored");',
    tests,
  },
  {
    fault: "the state of the host is that of before the wait for its services",
    file: "src/health/_look.ts",
    from: "const { state, lifetime } = host; // as they are now, after the wait",
    to: 'const { lifetime } = host; const state = "started" as Host["state"];',
    tests,
  },
  {
    fault: "an answer to a probe may be kept by a cache",
    file: "src/health/health_handler.ts",
    from: 'headers: { "cache-control": "no-store" }',
    to: "headers: {}",
    tests,
  },
];
