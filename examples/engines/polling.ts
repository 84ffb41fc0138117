/**
 * Shows a poller of an API: its ETag spares what has not changed, after failures it asks less often, and what was
 * handled is on disk, so that an end at any moment costs no event.
 *
 *     API=http://localhost:8080/events npx tsx examples/engines/polling.ts
 */
import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import process from "node:process";
import { backgroundService, delay, runHost } from "@runhost/host/node";

const { API = "http://localhost:8080/events", STATE = "events.json" } = process.env;
const [period, longest] = [1_000, 60_000];
type Event = { readonly id: number; readonly text: string };
/** The last event that was handled, and the last answer of which all were. */
type State = { readonly last: number; readonly etag?: string | null };

let state: State = existsSync(STATE) ? JSON.parse(await readFile(STATE, "utf8")) : { last: 0 };
/** Complete or not at all: a crash leaves the one before. */
async function save(next: State): Promise<void> {
  await writeFile(`${STATE}.new`, JSON.stringify(next), { flush: true });
  await rename(`${STATE}.new`, STATE);
  state = next;
}

async function handle({ id, text }: Event): Promise<void> {
  await delay(100); // it may come twice, and is done once: by its id
  console.log(`Event ${id}: ${text}`);
}

/** Asks once, and handles what is new. A stop ends the question, and what is handled is finished. */
async function poll(signal: AbortSignal): Promise<void> {
  const response = await fetch(API, {
    headers: state.etag ? { "If-None-Match": state.etag } : {},
    signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
  });
  const body = await response.text();
  if (response.status === 304) return;
  const wait = 1_000 * (Number(response.headers.get("Retry-After")) || 0);
  if (!response.ok) throw Object.assign(new Error(`It answered ${response.status}`), { wait });
  for (const event of (JSON.parse(body) as Event[]).filter(({ id }) => id > state.last)) {
    signal.throwIfAborted();
    await handle(event);
    await save({ ...state, last: event.id });
  }
  await save({ ...state, etag: response.headers.get("ETag") });
}

const poller = backgroundService("poller", async (signal, { logger }) => {
  for (let failures = 0;;) {
    const failure = await poll(signal).then(() => undefined, (error) => error);
    signal.throwIfAborted();
    failures = failure ? failures + 1 : 0;
    if (failure) logger.warn(`No answer of ${API}: ${failure}`);
    const backoff = Math.min(period * 2 ** failures, longest) * (1 - Math.random() / 4);
    await delay(Math.max(backoff, Object(failure).wait ?? 0), { signal });
  }
});

await runHost([poller]);
