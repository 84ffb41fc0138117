import { runHost } from "../../dist/src/runtime/bun.js";

void runHost;
