/** Telemetry in the program, and no provider that would take it. */
import { library } from "../library.mjs";
import { drive } from "./_drive.mjs";

const { openTelemetry, tracing } = await library("src/opentelemetry/mod");

await drive({ around: tracing(), watch: (host) => openTelemetry(host) });
