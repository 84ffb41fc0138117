import type { Scenario } from "../_scenario.ts";

const waiting = ["handlers that wait for 5 ms"];

/** What OpenTelemetry takes of a consumer's throughput. */
export const telemetry: Scenario = {
  name: "telemetry",
  title: "Telemetry of a consumer",
  about:
    `Messages of a source in memory, each with the headers of a trace, handled 16 at a time: 8 000 by handlers that
wait for 5 ms, as for a database, and 200 000 by handlers that do nothing (a tenth of each in the quick form). _inert_
has \`openTelemetry\` and \`tracing\` and no provider. _SDK_ makes a span for each message, linked to its sender and active in
its handler, and exports spans in batches and metrics each second, to exporters that drop them.`,
  unit: "thousand/s",
  variants: [
    { name: "without", program: "without.mjs" },
    { name: "inert", program: "inert.mjs" },
    { name: "SDK", program: "sdk.mjs" },
  ],
  goals: [
    {
      text: "inert: no difference",
      of: "inert",
      against: ["without"],
      cases: waiting,
      atLeast: 0.98,
    },
    { text: "SDK: at least 0.9x", of: "SDK", against: ["without"], cases: waiting, atLeast: 0.9 },
  ],
  rounds: 3,
  notes:
    `**Why.** A span with its link, active in the handler, and a duration in a histogram take the SDK most of what is
lost here, and on Node 20 an \`AsyncLocalStorage\` that is in use makes each promise dearer. A message takes so much of the
processor, whatever its handler does: a consumer that waits for others loses nothing, one that keeps a core busy with
nothing loses most.`,
};
