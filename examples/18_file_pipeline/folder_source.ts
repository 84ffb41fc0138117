import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Delivery, Source } from "@runhost/host/consumers";

/**
 * A folder as a source of work, for one process at a time. A file that is worked on is in `work`;
 * what is there at the start was left by a crash.
 *
 * Put files there by renaming them too, or by a name that begins with a dot until they are complete.
 */
export class FolderSource implements Source<string> {
  /** Looking is cheap, so it is done often. */
  readonly pollInterval: number = 100;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The path of a file in one of the folders. */
  path(folder: "inbox" | "work" | "done" | "failed", file: string): string {
    return join(this.#root, folder, file);
  }

  async start(): Promise<void> {
    for (const folder of ["inbox", "work", "done", "failed"] as const) {
      await mkdir(this.path(folder, ""), { recursive: true });
    }
    for (const file of await this.#files("work")) await this.#move(file, "work", "inbox");
  }

  /** Looks, instead of having itself told: watchers miss what came while nobody watched. */
  async receive(
    _signal: AbortSignal,
    { max }: { readonly max: number },
  ): Promise<readonly Delivery<string>[]> {
    const deliveries: Delivery<string>[] = [];
    for (const file of (await this.#files("inbox")).slice(0, max)) {
      try {
        await this.#move(file, "inbox", "work");
      } catch (error) {
        if (deliveries.length > 0) break; // what is in `work` already must not stay there
        throw error;
      }
      deliveries.push({
        value: file,
        ack: () => this.#move(file, "work", "done"),
        release: () => this.#move(file, "work", "inbox"),
        reject: () => this.#move(file, "work", "failed"),
      });
    }
    return deliveries;
  }

  async #files(folder: "inbox" | "work"): Promise<string[]> {
    const files = await readdir(this.path(folder, ""));
    return files.filter((file) => !file.startsWith(".")).sort();
  }

  async #move(
    file: string,
    from: "inbox" | "work",
    to: "inbox" | "work" | "done" | "failed",
  ): Promise<void> {
    await rename(this.path(from, file), this.path(to, file));
  }
}
