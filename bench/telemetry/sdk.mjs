/** The SDK of OpenTelemetry as one sets it up: spans in batches, metrics now and then, to exporters that drop them. */
import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { library } from "../library.mjs";
import { drive } from "./_drive.mjs";

const { openTelemetry, tracing } = await library("src/opentelemetry/mod");

const spans = {
  export: (_spans, done) => done({ code: 0 }),
  shutdown: async () => {},
};
const tracerProvider = new BasicTracerProvider({
  spanProcessors: [new BatchSpanProcessor(spans)],
});
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const meterProvider = new MeterProvider({
  readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1_000 })],
});
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const providers = { tracerProvider, meterProvider };

await drive({ around: tracing(providers), watch: (host) => openTelemetry(host, providers) });
await tracerProvider.shutdown();
await meterProvider.shutdown();
