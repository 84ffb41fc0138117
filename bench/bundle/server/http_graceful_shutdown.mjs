import { createServer } from "node:http";
import process from "node:process";
import gracefulShutdown from "http-graceful-shutdown";

const server = createServer((_, response) => response.end("Hello"));
gracefulShutdown(server, {
  signals: "SIGTERM",
  onShutdown: async () => console.log("closed"),
});
server.listen(0, () => process.kill(process.pid, "SIGTERM"));
