import { dotnet, type Scenario } from "../_scenario.ts";

/** What an idle worker costs. */
export const memory: Scenario = {
  name: "memory",
  title: "Memory of an idle background service",
  about:
    `20 000 workers that wait for their end, the memory that came with them divided by their number.
_heap_: what the runtime says is in use after collecting. _resident_: what the process got from the
system, which comes in large pieces. The _bare_ worker is a promise and an \`AbortController\`.`,
  unit: "bytes",
  variants: [
    { name: "bare", program: "bare.mjs" },
    { name: "runhost", program: "runhost.mjs" },
    { name: "Effect", program: "effect.mjs" },
    dotnet,
  ],
  goals: [
    { text: "at most 2x bare", of: "runhost", against: ["bare"], atMost: 2 },
  ],
  rounds: 3,
  notes:
    `**Why.** A service in a host is about 1 300 bytes of heap more than a bare worker on every runtime: its
record in the host, its context, the object of the service itself and the promise of its work. On Bun that is
more than twice the heap of the bare worker, because Bun keeps signals outside of what it counts as
heap; _resident_ has them.`,
};
