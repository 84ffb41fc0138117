/** Shows a unit test of a worker: driven alone, without a host. */
import { test } from "uvu";
import { equal } from "uvu/assert";
import { BackgroundService, delay } from "@runhost/host/node";

/** Sends what is in the outbox; the one in hand when the stop comes is sent too. */
class Mailer extends BackgroundService {
  readonly sent: string[] = [];
  readonly #outbox: string[];

  constructor(outbox: string[]) {
    super();
    this.#outbox = outbox;
  }

  override async execute(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const mail = this.#outbox.shift();
      if (!mail) return;
      if (mail === "bad") throw new Error("Cannot send mail: no address");
      await delay(5);
      this.sent.push(mail);
    }
  }
}

test("it sends all and ends", async () => {
  const mailer = new Mailer(["a", "b"]);
  await mailer.start();
  await mailer.executeTask;
  equal(mailer.sent, ["a", "b"]);
});

test("a stop lets it finish the mail in hand", async () => {
  const mailer = new Mailer(["a", "b"]);
  await mailer.start();
  await delay(1);
  await mailer.stop();
  equal(mailer.sent, ["a"]);
});

test("a mail without an address is its failure", async () => {
  const mailer = new Mailer(["bad"]);
  await mailer.start();
  const error = await mailer.executeTask?.catch((error) => error);
  equal(error.message, "Cannot send mail: no address");
});

test.run();
