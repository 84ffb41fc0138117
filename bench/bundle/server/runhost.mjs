import { createServer } from "node:http";
import process from "node:process";
import { hostedService, httpServer, runHost } from "@runhost/host/node";

const server = createServer((_, response) => response.end("Hello"));
const trigger = hostedService("trigger", {
  started: () => process.kill(process.pid, "SIGTERM"),
  stopped: () => console.log("closed"),
});

runHost([trigger, httpServer("web", { server, port: 0 })], { logger: false });
