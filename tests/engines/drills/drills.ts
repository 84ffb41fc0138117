/** What is done to workers and servers, in the middle of the work. */
import { delay } from "../../../mod.ts";
import type { Drill, Result } from "./_drill.ts";
import type { Message } from "./worker.ts";

/** A drill, and what it is called. */
export interface DrillPlan {
  readonly name: string;
  /** Whether it is part of the short form. */
  readonly short?: boolean;
  readonly run: (drill: Drill) => Promise<Result>;
}

const count = 600;
/** In the middle of the work. */
const some = 200;

function messages(more: (id: number) => Partial<Message> = () => ({})): Message[] {
  return Array.from({ length: count }, (_, id) => ({ id, ...more(id) }));
}

/** Takes the server away in the middle of the work. */
function away(ms: number): (drill: Drill) => Promise<Result> {
  return async (drill) => {
    await drill.send(messages());
    const worker = drill.work();
    await drill.hasDone(some);
    await drill.takeAway();
    await delay(ms);
    await drill.bringBack();
    return await drill.conclude(worker);
  };
}

export const drills: readonly DrillPlan[] = [
  {
    name: "SIGTERM, restart",
    short: true,
    async run(drill) {
      await drill.send(messages());
      const first = drill.work();
      await drill.hasDone(some);
      await drill.stop(first);
      return await drill.conclude(drill.work());
    },
  },
  {
    name: "`kill -9`, restart",
    short: true,
    async run(drill) {
      await drill.send(messages());
      const first = drill.work();
      await drill.hasDone(some);
      await drill.kill(first);
      return await drill.conclude(drill.work());
    },
  },
  { name: "server killed, back after 3 s", short: true, run: away(3_000) },
  { name: "server killed, back after 20 s", run: away(20_000) },
  {
    name: "SIGTERM while the server is away, restart",
    async run(drill) {
      await drill.send(messages());
      const first = drill.work();
      await drill.hasDone(some);
      await drill.takeAway();
      await delay(1_000);
      // What was in hands is not settled, and a host that knows so may say it.
      await drill.stop(first, [0, 1]);
      await drill.bringBack();
      return await drill.conclude(drill.work());
    },
  },
  {
    name: "start while the server is away",
    async run(drill) {
      await drill.send(messages());
      await drill.takeAway();
      // Whatever runs the process starts it again, half a second after it has ended.
      let worker = drill.work();
      let returned = false;
      const restarted = (async () => {
        for (let tries = 0; tries < 100; tries++) {
          while (!worker.end && !(returned && drill.done > 0)) await delay(50);
          if (!worker.end) return;
          await delay(500);
          worker = drill.work();
        }
      })();
      await delay(3_000);
      await drill.bringBack();
      returned = true;
      await restarted;
      return await drill.conclude(worker);
    },
  },
  {
    name: "a handler longer than the hold, two workers",
    async run(drill) {
      await drill.send(messages().slice(0, 16).map(({ id }) => ({ id, takes: 7_000 })));
      const [first, second] = [drill.work(), drill.work()];
      await drill.hasDone();
      await drill.stop(first);
      const result = await drill.conclude(second);
      const again = drill.begun - 16;
      return again > 0 && drill.engine.sessionTimeout === undefined
        ? { ...result, faults: [...result.faults, `${again} were begun again`] }
        : result;
    },
  },
  {
    name: "10 of them poison",
    short: true,
    async run(drill) {
      await drill.send(messages((id) => id % 60 === 0 ? { poison: true } : {}));
      return await drill.conclude(drill.work());
    },
  },
  {
    name: "10 more that cannot be decoded",
    async run(drill) {
      const broken = Array.from({ length: 10 }, (_, index) => `{"id": broken ${index}`);
      await drill.send([...messages(), ...broken]);
      return await drill.conclude(drill.work());
    },
  },
  {
    name: "a second worker joins, the first one leaves",
    async run(drill) {
      await drill.send(messages());
      const first = drill.work();
      await drill.hasDone(some);
      const second = drill.work();
      await drill.hasDone(2 * some);
      await drill.stop(first);
      return await drill.conclude(second);
    },
  },
];
