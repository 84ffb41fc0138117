import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Delivery, Source } from "@runhost/host/consumers";

/**
 * A folder as a source of work. A file belongs to whoever has renamed it from `inbox` to `work`:
 * one file system, one winner. What is in `work` at the start was left there by a crash.
 *
 * Put files there by renaming them too, or by a name that begins with a dot until they are complete.
 */
export class FolderSource implements Source<string> {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The path of a file in one of the folders. */
  path(folder: "inbox" | "work" | "done" | "failed", file: string): string {
    return join(this.#root, folder, file);
  }

  async open(): Promise<void> {
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
    const files = (await this.#files("inbox")).slice(0, max);
    for (const file of files) await this.#move(file, "inbox", "work");
    return files.map((file) => ({
      value: file,
      ack: () => this.#move(file, "work", "done"),
      release: () => this.#move(file, "work", "inbox"),
      reject: () => this.#move(file, "work", "failed"),
    }));
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
