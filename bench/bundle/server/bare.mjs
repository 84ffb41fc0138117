import { createServer } from "node:http";
import process from "node:process";

const server = createServer((_, response) => response.end("Hello"));
process.once("SIGTERM", () => server.close(() => console.log("closed")));
server.listen(0, () => process.kill(process.pid, "SIGTERM"));
