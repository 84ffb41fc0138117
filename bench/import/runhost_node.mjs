import { runHost } from "../../dist/src/runtime/node.js";

void runHost;
