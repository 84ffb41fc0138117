/** Shows a connection pool that is opened first, closed last, and shared; factories make it all. */
import { BackgroundService, type HostedService, type Logger, runHost } from "@runhost/host/node";

/** Stands for the pool of your database driver. */
class Pool implements HostedService {
  readonly #logger: Logger;
  #open = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  start(): void {
    this.#open = true;
    this.#logger.info("Pool: open");
  }

  stop(): void {
    this.#open = false;
    this.#logger.info("Pool: closed");
  }

  async query(sql: string): Promise<string> {
    if (!this.#open) throw new Error("The pool is closed");
    return await Promise.resolve(`rows of "${sql}"`);
  }

  /** The host disposes what a factory made, as its last step. */
  [Symbol.dispose](): void {
    this.#logger.info("Pool: disposed");
  }
}

class Report extends BackgroundService {
  readonly name: string;
  readonly #pool: Pool;

  constructor(name: string, pool: Pool) {
    super();
    this.name = name;
    this.#pool = pool;
  }

  override async execute(): Promise<void> {
    console.log(`${this.name}: ${await this.#pool.query(`select * from ${this.name}`)}`);
  }
}

let pool: Pool;
await runHost([
  ({ logger }) => pool = new Pool(logger),
  () => new Report("sales", pool),
  () => new Report("stock", pool),
], { stopWhenIdle: true });
