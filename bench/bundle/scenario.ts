import type { Scenario } from "../_scenario.ts";

const program = "bundle.mjs";

/** What tools add to a bundle. */
export const bundle: Scenario = {
  name: "bundle",
  title: "Bundle size",
  about:
    `A small program, bundled and minified by esbuild for Node, and gzipped. _services_: two services
start in order and stop in reverse. _queue_: three tasks, one at a time. _server_: an HTTP server that
closes on SIGTERM. The bundles are run and print the same.`,
  unit: "bytes",
  ratios: false,
  variants: [
    { name: "bare", program, argument: "bare" },
    { name: "runhost", program, argument: "runhost" },
    { name: "Effect", program, argument: "effect" },
    { name: "NestJS", program, argument: "nestjs" },
    { name: "awilix-manager", program, argument: "awilix_manager" },
    { name: "systemic", program, argument: "systemic" },
    { name: "@thi.ng/system", program, argument: "thing_system" },
    { name: "fastq", program, argument: "fastq" },
    { name: "p-queue", program, argument: "p_queue" },
    { name: "close-with-grace", program, argument: "close_with_grace" },
    { name: "terminus", program, argument: "terminus" },
    {
      name: "http-graceful-shutdown",
      program,
      argument: "http_graceful_shutdown",
    },
  ],
  runtimes: ["node"],
  goals: [],
  rounds: 1,
};
