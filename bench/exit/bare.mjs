import process from "node:process";
import { drive } from "./_drive.mjs";
import { nativeServer } from "./_server.mjs";

await drive(async ({ listening, closed }) => {
  const { port, close } = await nativeServer();
  process.once("SIGTERM", async () => {
    await close();
    closed();
  });
  listening(port);
});
