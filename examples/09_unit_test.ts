/** Shows unit tests of a worker: driven alone, and in a host, on a clock that the test moves. */
import { test } from "uvu";
import { equal } from "uvu/assert";
import { BackgroundService, delay, type ServiceContext } from "@runhost/host/node";
import { testContext, testHost } from "@runhost/host/testing";

/** Sends what is in the outbox; the one in hand when the stop comes is sent too. */
class Mailer extends BackgroundService {
  readonly sent: string[] = [];
  readonly #outbox: string[];

  constructor(outbox: string[]) {
    super();
    this.#outbox = outbox;
  }

  override async execute(signal: AbortSignal, { clock }: ServiceContext): Promise<void> {
    while (!signal.aborted) {
      const mail = this.#outbox.shift();
      if (!mail) return;
      if (mail === "bad") throw new Error("Cannot send mail: no address");
      await delay(5_000, { clock });
      this.sent.push(mail);
    }
  }
}

const { signal } = new AbortController();

test("it sends all and ends", async () => {
  const mailer = new Mailer(["a", "b"]);
  const context = testContext();
  await mailer.start(signal, context);
  await context.clock.advance(10_000);
  await mailer.executeTask;
  equal(mailer.sent, ["a", "b"]);
});

test("a stop lets it finish the mail in hand", async () => {
  const mailer = new Mailer(["a", "b"]);
  await using host = testHost([mailer]);
  await host.start();
  await host.clock.advance(1_000);
  await host.stop(); // the clock moves by itself meanwhile
  equal(mailer.sent, ["a"]);
});

test("a mail without an address is its failure", async () => {
  const mailer = new Mailer(["bad"]);
  await mailer.start(signal, testContext());
  const error = await mailer.executeTask?.catch((error) => error);
  equal(error.message, "Cannot send mail: no address");
});

test.run();
