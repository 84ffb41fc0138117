import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { HostedService } from "@runhost/host";

/** Keeps a folder for this process: the database does not look whether another one uses its files. */
export class FolderLock implements HostedService {
  readonly name = "lock";
  readonly #folder: string;
  readonly #file: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#file = join(folder, "lock");
  }

  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const owner = Number(await readFile(this.#file, "utf8").catch(() => 0));
    if (isAnother(owner)) {
      throw new Error(`Cannot use ${this.#folder}: process ${owner} does; set DATA to another one`);
    }
    await writeFile(this.#file, String(process.pid));
  }

  stop(): Promise<void> {
    return rm(this.#file);
  }
}

/** Whether the process is alive and not this one; a lock of any other was left by a crash. */
function isAnother(pid: number): boolean {
  if (!pid || pid === process.pid) return false;
  try {
    return process.kill(pid, 0); // sends nothing
  } catch {
    return false;
  }
}
