import { drive } from "./_drive.mjs";

await drive();
