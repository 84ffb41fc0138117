/** A mailing to all subscribers: longer than any event, and sent once to each but for a crash. */
import { BackgroundObject, delay } from "@runhost/host/workers";
import type { Env, State } from "./env.ts";

const subscribers: readonly string[] = ["ada", "grace", "edsger", "barbara", "tony", "margaret"];

export class Mailing extends BackgroundObject<Env, State> {
  constructor(ctx: State, env: Env) {
    super(ctx, env, { slice: 500 }); // so that one sees it work in slices; the default is 10 s
  }

  /** Called in each slice, with nothing but what the ones before have stored. */
  override async execute(signal: AbortSignal): Promise<void> {
    const { storage } = this.ctx;
    for (let sent = await this.#sent(); sent < subscribers.length; sent++) {
      signal.throwIfAborted(); // the slice is over
      await delay(200); // the mail
      await storage.put("sent", sent + 1);
    }
  }

  async fetch({ method }: Request): Promise<Response> {
    if (method === "POST") await this.start();
    return Response.json({ sent: await this.#sent(), of: subscribers.length });
  }

  async #sent(): Promise<number> {
    return await this.ctx.storage.get<number>("sent") ?? 0;
  }
}
