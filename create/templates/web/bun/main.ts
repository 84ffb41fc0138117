/** The program: its services, in the order in which they start. */
import { httpServer, probeServer, runHost } from "@runhost/host/bun";
import { systemd } from "@runhost/host/systemd";
import process from "node:process";
import { application } from "./app.ts";
import { report } from "./report.ts";
import { Visits } from "./visits.ts";

const { PORT = "8080", PROBE_PORT = "8081", DRAIN_DELAY = "0" } = process.env;

const visits = new Visits();
const { fetch } = application(visits);

await runHost([
  systemd(), // does nothing where there is no systemd
  probeServer("probes", { port: Number(PROBE_PORT) }), // /livez, /readyz and /startupz
  report(visits),
  httpServer("web", { fetch, port: Number(PORT) }),
], { drainDelay: Number(DRAIN_DELAY) });
