import { dotnet, type Scenario } from "../_scenario.ts";

/** Items through a channel. */
export const channel: Scenario = {
  name: "channel",
  title: "Channel",
  about:
    `1 000 000 numbers (200 000 in the quick form) from one producer to one consumer; _bounded_ to
1 000. _await each_: \`await write(item)\` and \`for await\`. _try first_: \`tryWrite\` and \`tryRead\`, and
only when they give nothing \`waitToWrite\` and \`waitToRead\`. .NET has its two sides on two threads.
A \`TransformStream\` is what one has without a library.`,
  unit: "million/s",
  variants: [
    { name: "TransformStream", program: "web_stream.mjs" },
    { name: "runhost", program: "runhost.mjs" },
    dotnet,
  ],
  goals: [
    { text: "at least .NET's", of: "runhost", against: [".NET"], atLeast: 1 },
  ],
  rounds: 3,
  notes:
    `**Why.** Without a bound .NET's two threads never wait for each other. Here both sides take turns on one, and on Node an
\`await\` takes its time even for an item that is there: where nothing is awaited (_try first_) the same channel is
several times as fast.`,
};
