import { cut, textOf } from "../_log.ts";
import { nothing } from "../_check.ts";
import { type Clear, startTimer } from "../_time/timer.ts";
import { report } from "../consumers/_report.ts";
import type { JobLogLine } from "./job_record.ts";
import type { Hold, JobStorage } from "./job_storage.ts";
import type { ServiceContext } from "../types.ts";

/** Milliseconds that what a handler says waits, so that one who says much costs little. */
const pause = 250;
/** The most characters of a progress, and of a line. */
const mostText = 4_096;
/** The most lines that wait: of more, the oldest are dropped, as the storage would. */
const mostLines = 1_000;

/** What a handler says of its job, stored in the background. No promise here rejects: the words of a job are not its work. */
export class Notebook {
  readonly #hold: Hold;
  readonly #storage: JobStorage;
  readonly #context: ServiceContext;
  #progress: string | undefined;
  #lines: JobLogLine[] = [];
  #clear: Clear = nothing;
  #isWaiting = false;
  #isClosed = false;
  /** What goes on in the storage; `undefined` if nothing does. */
  #writing: Promise<void> | undefined;

  constructor(hold: Hold, storage: JobStorage, context: ServiceContext) {
    this.#hold = hold;
    this.#storage = storage;
    this.#context = context;
  }

  progress(value: unknown): void {
    if (this.#isClosed) return;
    let text: string;
    try {
      text = JSON.stringify(value) ?? "null";
    } catch (error) {
      text = JSON.stringify(`The progress cannot be written as JSON: ${textOf(error)}`);
    }
    this.#progress = text.length > mostText ? JSON.stringify(cut(text, 200)) : text;
    this.#soon();
  }

  log(line: unknown): void {
    if (this.#isClosed) return;
    const text = typeof line === "string" ? line : textOf(line); // not everything bears to be a text
    this.#lines.push({ at: Date.now(), text: cut(text, mostText) });
    if (this.#lines.length > mostLines) this.#lines.shift();
    this.#soon();
  }

  /** Stores what waits, and takes no more: the attempt is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#clear();
    await this.#writing;
    await this.#write();
  }

  #soon(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#clear = startTimer(this.#context.clock, pause, () => this.#begin());
  }

  /** Stores what waits. While the storage is at it, what comes meanwhile goes on waiting: so a slow one piles up nothing. */
  #begin(): void {
    this.#writing = this.#write().then(() => {
      this.#writing = undefined;
      this.#isWaiting = false;
      if (!this.#isClosed && (this.#progress !== undefined || this.#lines.length > 0)) this.#soon();
    });
  }

  async #write(): Promise<void> {
    const [progress, log] = [this.#progress, this.#lines];
    if (progress === undefined && log.length === 0) return;
    this.#progress = undefined;
    this.#lines = [];
    try {
      await this.#storage.note(this.#hold, log.length > 0 ? { progress, log } : { progress });
    } catch (error) {
      const what = `failed to store the progress and the log of job "${this.#hold.id}"`;
      report(this.#context, "warn", what, { error });
    }
  }
}
