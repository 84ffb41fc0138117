/** Shows structured logging with pino, made from the events of the host. */
import pino from "pino";
import { backgroundService, delay, type HostEvent, runHost } from "@runhost/host/node";

// pino loads its transports in worker threads; a destination writes here and now.
const log = pino({ level: "debug", base: null }, pino.destination({ dest: 1, sync: true }));

/** What went wrong is an error or a warning, what the host does is information, the rest detail. */
function record({ type, seq: _seq, time: _time, ...fields }: HostEvent): void {
  const { error, reason, ...rest } = fields as { error?: unknown; reason?: unknown };
  const record = {
    ...rest,
    ...(error === undefined ? {} : { err: error }), // the name under which pino keeps the stack
    ...(reason instanceof Error ? { reason: reason.message } : {}),
  };
  if (type === "serviceLate") log.warn(record, type);
  else if (error !== undefined) log.error(record, type);
  else if (type.startsWith("host") || type === "stopRequested") log.info(record, type);
  else log.debug(record, type);
}

const steady = backgroundService("steady", async (signal, { logger }) => {
  logger.info("a line of its own");
  await delay(60_000, { signal });
});
const broken = backgroundService("broken", async (signal) => {
  await delay(20, { signal });
  throw new Error("The printer is on fire");
});

try {
  // `logger` is for what services say; the host's own lines would tell every failure twice.
  const logger = { ...console, info: (line: string) => log.info(line), warn() {}, error() {} };
  await runHost([steady, broken], { logger, onEvent: record });
} catch (error) {
  console.log(`Ended by: ${(error as Error).message}`); // and exit code 1
}
