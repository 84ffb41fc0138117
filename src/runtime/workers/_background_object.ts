import { backgroundService } from "../../hosted_service.ts";
import type { ServiceContext } from "../../types.ts";
import { AlarmHost, type AlarmHostOptions, type AlarmState } from "./_alarm_host.ts";

/**
 * A Durable Object with one long-running piece of work, which its alarm drives slice by slice: the
 * `BackgroundService` of objects. Override {@linkcode BackgroundObject.execute}.
 *
 * The work survives the eviction of the object. It is called again in each slice, with nothing but
 * what it has stored: so it stores how far it got, and goes on from there. An object that must extend
 * Cloudflare's `DurableObject`, for RPC, holds an {@linkcode AlarmHost} instead.
 *
 * @example Count to three
 * ```ts
 * import { type AlarmState, BackgroundObject } from "@runhost/host/workers";
 * import { equal } from "node:assert/strict";
 *
 * interface State extends AlarmState {
 *   readonly storage: AlarmState["storage"] & Pick<Map<string, number>, "get" | "set">;
 * }
 *
 * class Counter extends BackgroundObject<unknown, State> {
 *   override async execute(signal: AbortSignal): Promise<void> {
 *     const { storage } = this.ctx; // on Cloudflare: put, and both are promises
 *     for (let n = storage.get("n") ?? 0; n < 3 && !signal.aborted; n++) storage.set("n", n + 1);
 *   }
 *
 *   async fetch(_request: Request): Promise<Response> {
 *     await this.start();
 *     return new Response("It counts");
 *   }
 * }
 *
 * // What the platform does.
 * let alarm: number | null = null;
 * const storage = Object.assign(new Map<string, number>(), {
 *   getAlarm: async () => alarm,
 *   setAlarm: async (time: number) => void (alarm = time),
 *   deleteAlarm: async () => void (alarm = null),
 * });
 * const counter = new Counter({ storage }, {});
 * await counter.fetch(new Request("http://localhost"));
 * await counter.alarm();
 *
 * equal(storage.get("n"), 3);
 * ```
 *
 * @typeParam Env The bindings.
 * @typeParam State Cloudflare's `DurableObjectState`, or what is used of it.
 */
export abstract class BackgroundObject<Env = unknown, State extends AlarmState = AlarmState> {
  /** The state of the object. */
  protected readonly ctx: State;
  /** The bindings. */
  protected readonly env: Env;
  readonly #work: AlarmHost;

  /**
   * What Cloudflare calls with the first two; a subclass may pass options on.
   *
   * @throws {TypeError} If an option has the wrong type.
   * @throws {RangeError} If a time is negative or `NaN`, or a slice could take for ever.
   */
  constructor(ctx: State, env: Env, options: AlarmHostOptions = {}) {
    const { name } = new.target;
    const execute = (signal: AbortSignal, context: ServiceContext): Promise<unknown> =>
      this.execute(signal, context);
    this.ctx = ctx;
    this.env = env;
    this.#work = new AlarmHost(ctx, () => [backgroundService(name, execute)], options);
  }

  /**
   * The work: called in each slice, until it ends by itself. Rejecting is a failure, and the next
   * slice tries again; rejecting with the reason of its aborted signal is not.
   *
   * @param signal Aborts when the slice is over: store where you are, and end.
   * @param context Of the host of this slice. `context.forced` aborts when ending takes too long.
   */
  abstract execute(signal: AbortSignal, context: ServiceContext): Promise<unknown>;

  /** Begins the work soon, unless it is under way. To be called in any event of the object. */
  start(): Promise<void> {
    return this.#work.start();
  }

  /**
   * Ends the work, and resolves when it has ended; {@linkcode BackgroundObject.start} begins it
   * again. Not to be awaited by the work itself.
   */
  stop(): Promise<void> {
    return this.#work.stop();
  }

  /** Runs one slice. Called by the platform. */
  alarm(): Promise<void> {
    return this.#work.alarm();
  }
}
