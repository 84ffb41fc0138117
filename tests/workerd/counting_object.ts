/** A Worker with a Durable Object that counts to 12 in slices, and stores each step. */
import { type AlarmState, BackgroundObject, delay } from "@runhost/host/workers";

interface State extends AlarmState {
  readonly storage: AlarmState["storage"] & {
    get(key: string): Promise<unknown>;
    put(key: string, value: unknown): Promise<void>;
  };
}

interface Env {
  readonly OBJECTS: {
    idFromName(name: string): unknown;
    get(id: unknown): { fetch(request: Request): Promise<Response> };
  };
}

export class Counter extends BackgroundObject<Env, State> {
  constructor(ctx: State, env: Env) {
    super(ctx, env, { slice: 250, shutdownTimeout: 100, abandonTimeout: 100 });
  }

  override async execute(signal: AbortSignal): Promise<void> {
    const { storage } = this.ctx;
    await storage.put("slices", (await this.#get("slices")) + 1);
    for (let count = await this.#get("count"); count < 12; count++) {
      await delay(100, { signal });
      await storage.put("count", count + 1);
    }
  }

  async fetch({ url }: Request): Promise<Response> {
    if (url.endsWith("/start")) await this.start();
    if (url.endsWith("/stop")) await this.stop();
    const [count, slices] = [await this.#get("count"), await this.#get("slices")];
    return Response.json({ count, slices, alarm: await this.ctx.storage.getAlarm() !== null });
  }

  async #get(key: string): Promise<number> {
    return Number((await this.ctx.storage.get(key)) ?? 0);
  }
}

export default {
  fetch: (request: Request, { OBJECTS }: Env): Promise<Response> =>
    OBJECTS.get(OBJECTS.idFromName("counter")).fetch(request),
};
