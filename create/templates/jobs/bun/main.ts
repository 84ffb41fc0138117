/** The program: its services, in the order in which they start. */
import { httpServer, probeServer, runHost } from "@runhost/host/bun";
import { jobServer } from "@runhost/host/jobs";
import { sqlite } from "@runhost/host/jobs/sqlite";
import { systemd } from "@runhost/host/systemd";
import process from "node:process";
import { application } from "./app.ts";
import { greet } from "./greet.ts";

const { PORT = "8080", PROBE_PORT = "8081", DATA = "data", DRAIN_DELAY = "0" } = process.env;
const password = process.env.DASHBOARD_PASSWORD || newPassword();

const jobs = jobServer("jobs", {
  storage: sqlite(`${DATA}/jobs.db`),
  jobs: [greet],
});

await runHost([
  systemd(), // does nothing where there is no systemd
  probeServer("probes", { port: Number(PROBE_PORT) }), // /livez, /readyz and /startupz
  jobs,
  ({ host }) => {
    const { fetch } = application({ host, jobs, password });
    return httpServer("web", { fetch, port: Number(PORT) });
  },
], { drainDelay: Number(DRAIN_DELAY) });

/** A password for this run alone, told to whoever started it. */
function newPassword(): string {
  const password = crypto.randomUUID();
  console.log(
    `Dashboard: http://localhost:${PORT}/dashboard, user "admin", password "${password}"`,
  );
  return password;
}
