import { library } from "../library.mjs";
import { drive } from "./_drive.mjs";

const { every } = await library("mod");

await drive((period, signal) => every(period, { signal }));
