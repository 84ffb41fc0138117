import { runHost } from "../../src/runtime/deno.ts";

void runHost;
