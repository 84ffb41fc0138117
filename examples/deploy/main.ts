/** What the files beside it deploy: a web server with probes, under Kubernetes, Docker or systemd. */
import { createServer } from "node:http";
import process from "node:process";
import { httpServer, probeServer, runHost } from "@runhost/host/node";
import { systemd } from "@runhost/host/systemd";

const { PORT = "8080", PROBE_PORT = "8081", DRAIN_DELAY = "0" } = process.env;

const server = createServer((_request, response) => response.end("Hello\n"));

await runHost([
  systemd(),
  probeServer("probes", { port: Number(PROBE_PORT) }),
  httpServer("web", { server, port: Number(PORT) }),
], { drainDelay: Number(DRAIN_DELAY) });
