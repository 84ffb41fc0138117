import type { Scenario } from "../_scenario.ts";

/** What a host costs a request. */
export const hono: Scenario = {
  name: "hono",
  title: "Hono",
  about:
    `Requests a second of a small Hono application, on 32 keep-alive connections that each wait for
their answer; the client is a second process on the same runtime. _without a host_: \`serve()\` of
\`@hono/node-server\`, \`Deno.serve\`, \`Bun.serve\`. _in a host_: the same as an \`httpServer\`. _with
middleware_: and \`hostContext(host)\` of \`@runhost/host/hono\` before the route.`,
  unit: "thousand/s",
  variants: [
    { name: "without a host", program: "bare.mjs" },
    { name: "without, empty middleware", program: "bare_middleware.mjs" },
    { name: "in a host", program: "server_only.mjs" },
    { name: "in a host, with middleware", program: "runhost.mjs" },
  ],
  goals: [
    {
      text: "1.0x without a host, rounded",
      of: "in a host",
      against: ["without a host"],
      atLeast: 0.95,
    },
    {
      text: "1.0x with middleware too",
      of: "in a host, with middleware",
      against: ["without a host"],
      atLeast: 0.95,
    },
  ],
  rounds: 4,
  notes:
    `**Why.** Any middleware costs Hono an asynchronous call: the row _empty middleware_ is the least that one with
\`await next()\` takes. Ours also watches for the end of the body, for the request's signal.`,
};
