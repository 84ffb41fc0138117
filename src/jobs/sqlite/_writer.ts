import { deferred } from "../../_deferred.ts";
import { Turns } from "../../_time/turns.ts";
import { whileLocked } from "./_lock_retries.ts";
import type { Database } from "./_database.ts";

/** What a call has to do within the transaction, and whom to tell. */
interface Write {
  /** Does it; gives what to do once all of it is stored. */
  readonly run: () => () => void;
  readonly reject: (error: unknown) => void;
}

/** Milliseconds of its own running after which a transaction is committed, though more is to do. */
const longestRun = 10;

/**
 * The transactions of one connection. What is asked for in one turn of the event loop shares one, since to wait for
 * the disk takes longer than all the rest; each call has a savepoint in it, so that one that fails fails alone.
 */
export class Writer {
  readonly #db: Database;
  readonly #path: string;
  readonly #written: () => void;
  readonly #turns: Turns = new Turns();
  #queue: Write[] = [];
  #running: Promise<void> | undefined;

  /** @param written Is told when something is stored. */
  constructor(db: Database, path: string, written: () => void) {
    this.#db = db;
    this.#path = path;
    this.#written = written;
  }

  /** Does something within the next transaction; settles when it is committed. */
  write<T>(work: () => T): Promise<T> {
    const { promise, resolve, reject } = deferred<T>();
    const run = (): () => void => {
      const result = work();
      return () => resolve(result);
    };
    this.#queue.push({ run, reject });
    this.#running ??= this.#run();
    return promise;
  }

  /** Resolves when nothing is left to write. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#turns.give(); // all that is asked for in this turn comes along
      try {
        await whileLocked(this.#path, () => this.#db.run("begin immediate"));
        this.#transact();
      } catch (error) {
        const failed = this.#queue;
        this.#queue = [];
        for (const { reject } of failed) reject(error);
      }
    }
    this.#running = undefined;
  }

  /** Does what is queued, and commits it. */
  #transact(): void {
    const began = performance.now();
    const done: { readonly write: Write; readonly tell: () => void }[] = [];
    try {
      do {
        const write = this.#queue.shift() as Write;
        const tell = this.#attempt(write);
        if (tell) done.push({ write, tell });
      } while (this.#queue.length > 0 && performance.now() - began < longestRun);
      this.#db.run("commit");
    } catch (error) {
      this.#rollBack();
      for (const { write } of done) write.reject(error);
      return;
    }
    for (const { tell } of done) tell();
    if (done.length > 0) this.#written();
  }

  /** Does one of several; nothing of it is left if it fails. */
  #attempt({ run, reject }: Write): (() => void) | undefined {
    try {
      this.#db.run("savepoint one");
      const tell = run();
      this.#db.run("release one");
      return tell;
    } catch (error) {
      reject(error);
      try {
        this.#db.run("rollback to one");
        this.#db.run("release one");
      } catch {
        throw error; // with a full disk, say, SQLite has rolled back all of the transaction
      }
      return undefined;
    }
  }

  #rollBack(): void {
    try {
      this.#db.run("rollback");
    } catch { // nothing is left to roll back
    }
  }
}
