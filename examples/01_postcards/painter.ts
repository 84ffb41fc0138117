import { BackgroundService, delay, every, type ServiceContext } from "@runhost/host";
import { landscape } from "./landscape.ts";
import type { Postcard, Postcards } from "./postcards.ts";

/** Milliseconds a layer of paint takes to dry. */
const drying = 400;

/** Paints what is queued, oldest first, one at a time. */
export class Painter extends BackgroundService {
  readonly name = "painter";
  readonly #postcards: Postcards;

  constructor(postcards: Postcards) {
    super();
    this.#postcards = postcards;
  }

  /** `signal` says: take no other one. What is on the easel is finished. */
  override async execute(signal: AbortSignal, { forced, logger }: ServiceContext): Promise<void> {
    for await (const _ of every(200, { signal, immediate: true })) {
      while (!signal.aborted) {
        const postcard = await this.#postcards.take();
        if (!postcard) break;
        await this.#paint(postcard, forced);
        logger.info(`painter: painted #${postcard.id} "${postcard.text}"`);
      }
    }
  }

  /** `forced` says: put down the brush. What is on the easel goes back, with the layers it has. */
  async #paint({ id, text, layers }: Postcard, forced: AbortSignal): Promise<void> {
    try {
      for (const layer of landscape(text).slice(layers)) {
        await delay(drying, { signal: forced });
        await this.#postcards.addLayer(id, layer);
      }
      await this.#postcards.finish(id);
    } catch (error) {
      await this.#postcards.putBack(id);
      throw error;
    }
  }
}
