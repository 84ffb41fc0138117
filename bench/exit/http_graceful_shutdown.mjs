import gracefulShutdown from "http-graceful-shutdown";
import { drive } from "./_drive.mjs";
import { nodeServer } from "./_server.mjs";

await drive(async ({ listening, closed }) => {
  const server = await nodeServer();
  gracefulShutdown(server, {
    signals: "SIGTERM",
    onShutdown: async () => closed(),
  });
  listening(server.address().port);
});
