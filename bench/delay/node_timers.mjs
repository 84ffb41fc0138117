import { setTimeout } from "node:timers/promises";
import { drive } from "./_drive.mjs";

await drive((ms, signal) => signal ? setTimeout(ms, undefined, { signal }) : setTimeout(ms));
