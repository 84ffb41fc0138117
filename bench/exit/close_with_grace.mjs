import closeWithGrace from "close-with-grace";
import { drive } from "./_drive.mjs";
import { nativeServer } from "./_server.mjs";

await drive(async ({ listening, closed }) => {
  const { port, close } = await nativeServer();
  closeWithGrace(async () => {
    await close();
    closed();
  });
  listening(port);
});
