/**
 * Times start + stop of a host against the loop one writes by hand, which awaits each in turn.
 *
 * Run alone: `npx tsx bench/host.ts`, `deno run -A bench/host.ts`, `bun bench/host.ts`. The two
 * take turns in one process; a row shows the median of each and the median of the ratios of
 * neighbouring runs. Times of one machine mean nothing on another; ratios do.
 */
import { setImmediate } from "node:timers";
import process from "node:process";
import { BackgroundService, createHost, type HostedService } from "../mod.ts";

/** Something to start and stop, by hand or by a host. */
interface Startable {
  start(signal?: AbortSignal): Promise<void>;
  stop(signal?: AbortSignal): Promise<void>;
}

/** One way to write a service, for a host and by hand. */
interface Kind {
  readonly name: string;
  readonly byHand: () => Startable;
  readonly hosted: () => HostedService;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

/** A service whose hooks do nothing: all that is left is what the host adds. */
class Empty implements Startable {
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
}

/** A service whose hooks take one turn of the event loop, the least that any input or output takes. */
class Plain implements Startable {
  async start(): Promise<void> {
    await turn();
  }
  async stop(): Promise<void> {
    await turn();
  }
}

class Worker extends BackgroundService {
  override execute(signal: AbortSignal): Promise<void> {
    return untilAborted(signal);
  }
}

/** A worker as one writes it without a base class. */
class Loop implements Startable {
  readonly #controller = new AbortController();
  #work: Promise<void> | undefined;

  async start(): Promise<void> {
    this.#work = untilAborted(this.#controller.signal);
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await this.#work;
  }
}

const kinds: readonly Kind[] = [
  { name: "plain", byHand: () => new Plain(), hosted: () => new Plain() },
  { name: "background", byHand: () => new Loop(), hosted: () => new Worker() },
  { name: "empty", byHand: () => new Empty(), hosted: () => new Empty() },
];

const counts: readonly (readonly [count: number, runs: number])[] = process.argv.includes("--quick")
  ? [[1, 5], [100, 5], [1_000, 3]]
  : [[1, 400], [100, 200], [10_000, 21], [100_000, 5]];

console.log(`services    kind         by hand      host         ratio   (${process.version})`);
for (const kind of kinds) {
  for (const [count, runs] of counts) {
    const pairs = [];
    for (let run = 0; run < runs + 2; run++) {
      const handFirst = run % 2 === 0;
      const first = handFirst ? await timeByHand(kind, count) : await timeHost(kind, count);
      const second = handFirst ? await timeHost(kind, count) : await timeByHand(kind, count);
      const [byHand, host] = handFirst ? [first, second] : [second, first];
      if (run >= 2) pairs.push({ byHand, host, ratio: host / byHand });
    }
    console.log([
      String(count).padEnd(11),
      kind.name.padEnd(12),
      `${median(pairs.map((pair) => pair.byHand)).toFixed(4)} ms`.padEnd(12),
      `${median(pairs.map((pair) => pair.host)).toFixed(4)} ms`.padEnd(12),
      median(pairs.map((pair) => pair.ratio)).toFixed(2),
    ].join(" "));
  }
}

async function timeByHand({ byHand }: Kind, count: number): Promise<number> {
  const services = Array.from({ length: count }, byHand);
  const begun = performance.now();
  const starting = new AbortController();
  for (const service of services) await service.start(starting.signal);
  const stopping = new AbortController();
  for (const service of services.reverse()) await service.stop(stopping.signal);
  return performance.now() - begun;
}

async function timeHost({ hosted }: Kind, count: number): Promise<number> {
  const host = createHost(Array.from({ length: count }, hosted));
  const begun = performance.now();
  await host.start();
  await host.stop();
  const time = performance.now() - begun;
  if (host.state !== "stopped") throw new Error("The host did not stop");
  return time;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}
