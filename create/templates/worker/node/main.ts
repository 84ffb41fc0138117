/** The program: its services, in the order in which they start. */
import { probeServer, runHost } from "@runhost/host/node";
import { systemd } from "@runhost/host/systemd";
import process from "node:process";
import { worker } from "./worker.ts";

const { PROBE_PORT = "8081" } = process.env;

await runHost([
  systemd(), // does nothing where there is no systemd
  probeServer("probes", { port: Number(PROBE_PORT) }), // /livez, /readyz and /startupz
  worker,
]);
