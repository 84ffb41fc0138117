import { createTerminus } from "@godaddy/terminus";
import { drive } from "./_drive.mjs";
import { nodeServer } from "./_server.mjs";

await drive(async ({ listening, closed }) => {
  const server = await nodeServer();
  createTerminus(server, {
    signals: ["SIGTERM"],
    onSignal: async () => closed(),
  });
  listening(server.address().port);
});
