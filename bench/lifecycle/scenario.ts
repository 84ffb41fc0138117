import { dotnet, type Scenario } from "../_scenario.ts";

const peers = [
  "Effect",
  "NestJS",
  "awilix-manager",
  "systemic",
  "@thi.ng/system",
];

/** Starting and stopping many services. */
export const lifecycle: Scenario = {
  name: "lifecycle",
  title: "Start and stop",
  about:
    `The time of one start and one stop of 1, 100 and 10 000 services (1 000 in the quick form).
_empty_: hooks that do nothing, so that only the cost of the tool is left. _plain_: hooks that take
one turn of the event loop, the least that any input or output takes. _background_: a worker that
waits for its end. The _recorded loop_ is the bare one with what a host cannot do without: a signal for
the hooks of the start and one for those of the stop, and a record of who was called, when, for how
long and with which error.`,
  unit: "ms",
  variants: [
    { name: "bare loop", program: "bare.mjs" },
    { name: "recorded loop", program: "recorded.mjs" },
    { name: "runhost", program: "runhost.mjs" },
    { name: "Effect", program: "effect.mjs" },
    { name: "NestJS", program: "nestjs.mjs" },
    { name: "awilix-manager", program: "awilix_manager.mjs" },
    { name: "systemic", program: "systemic.mjs" },
    { name: "@thi.ng/system", program: "thing_system.mjs" },
    dotnet,
  ],
  goals: [
    {
      text: "at most 2x the bare loop",
      of: "runhost",
      against: ["bare loop"],
      atMost: 2,
    },
    { text: "ahead of every peer", of: "runhost", against: peers, atMost: 1 },
    {
      text: "at or ahead of .NET",
      of: "runhost",
      against: [".NET"],
      atMost: 1,
    },
  ],
  rounds: 3,
  notes:
    `**Why.** From 100 services on, hooks that take a turn and workers are within twice the bare loop. With empty
hooks that is out of reach for whatever gives them a signal and keeps a record: the _recorded loop_ is the
least for that, and misses the goal as well. For one service there is the host itself, some microseconds
once in the life of a program; on Node two thirds of them go into making it and collecting what it was made of.
awilix-manager and @thi.ng/system, ahead where services are few or empty, call the hooks in a loop
without signals, limits or a record. .NET starts and stops 10 000 services on all cores: of workers the
bare loop on one core is behind it too.`,
};
