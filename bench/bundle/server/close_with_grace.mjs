import { createServer } from "node:http";
import process from "node:process";
import closeWithGrace from "close-with-grace";

const server = createServer((_, response) => response.end("Hello"));
closeWithGrace(async () => {
  await new Promise((resolve) => server.close(resolve));
  console.log("closed");
});
server.listen(0, () => process.kill(process.pid, "SIGTERM"));
