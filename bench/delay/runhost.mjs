import { library } from "../library.mjs";
import { drive } from "./_drive.mjs";

const { delay } = await library("mod");

await drive((ms, signal) => signal ? delay(ms, { signal }) : delay(ms));
