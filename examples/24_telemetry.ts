/** Shows spans and metrics of OpenTelemetry, with exporters that print them: from a request to the job it left behind. */
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  ConsoleMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  ConsoleSpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { backgroundService, createHost, hostedService } from "@runhost/host/node";
import { defineJob, jobServer } from "@runhost/host/jobs";
import { sqlite } from "@runhost/host/jobs/sqlite";
import { openTelemetry, traceHeaders, tracing } from "@runhost/host/opentelemetry";

// What an SDK does that is set up before anything else.
const tracerProvider = new BasicTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(new ConsoleSpanExporter())],
});
const exporter = new ConsoleMetricExporter();
const meterProvider = new MeterProvider({
  readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 })],
});
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const providers = { tracerProvider, meterProvider };

const sendMail = defineJob("send-mail", {
  execute: async ({ to }: { readonly to: string }) => {
    trace.getActiveSpan()?.setAttribute("mail.to", to);
  },
});
const jobs = jobServer("jobs", {
  storage: sqlite(":memory:"),
  jobs: [sendMail],
  around: tracing(providers), // a span for each attempt, active in the handler
});

// Stands for a web server: the span of its request is what the job is linked to.
const web = backgroundService("web", async (signal, { lifetime }) => {
  await tracerProvider.getTracer("web").startActiveSpan("POST /orders", async (span) => {
    const id = await jobs.enqueue(sendMail, { to: "ada" }, { headers: traceHeaders() });
    span.end();
    await jobs.result(id, { signal });
  });
  lifetime.stopApplication();
});

const pool = hostedService("pool", { start: async () => {} });
const host = createHost([pool, jobs, web], { logger: false });
openTelemetry(host, providers);
await host.run();
await tracerProvider.shutdown(); // what is not exported yet is the program's
await meterProvider.shutdown();
