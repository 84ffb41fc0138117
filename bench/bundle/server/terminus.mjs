import { createServer } from "node:http";
import process from "node:process";
import { createTerminus } from "@godaddy/terminus";

const server = createServer((_, response) => response.end("Hello"));
createTerminus(server, {
  signals: ["SIGTERM"],
  onSignal: async () => console.log("closed"),
});
server.listen(0, () => process.kill(process.pid, "SIGTERM"));
