/**
 * Shows a mail worker: mails are entries of a Redis stream, and are done when the mail server has taken them. One
 * that it refuses for good is kept aside; one that was in hands when the process was killed comes again.
 *
 *     npx tsx examples/engines/redis_mails.ts
 *     redis-cli xadd mails '*' mail '{"to": "ann@example.com", "subject": "Hello", "text": "Hi"}'
 */
import process from "node:process";
import { consumer, json } from "@runhost/host/consumers";
import { hostedService, runHost } from "@runhost/host/node";
import { type StreamDelivery, streamSource } from "@runhost/host/redis";
import { Redis } from "ioredis";
import { createTransport } from "nodemailer";

const { REDIS_URL = "redis://localhost", SMTP_URL = "smtp://localhost:1025" } = process.env;

interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

const client = new Redis(REDIS_URL, { maxRetriesPerRequest: null });
client.on("error", ({ message }) => console.warn(`Redis: ${message}`));
const redis = hostedService("redis", { stop: () => client.disconnect() });

const transport = createTransport({ url: SMTP_URL, pool: true, maxConnections: 4 });
const smtp = hostedService("smtp", { stop: () => transport.close() });

const mailer = consumer("mailer", {
  source: streamSource({
    client,
    stream: "mails",
    group: "mailer",
    field: "mail",
    deadLetter: { stream: "mails:dead" },
    holdTimeout: 10_000, // so long a mail waits whose process has died; while one lives it is extended
    remove: true,
  }),
  input: json((mail) => mail as Mail), // better: a schema of Zod or Valibot
  concurrency: 4,
  retry: {
    attempts: 10,
    // SMTP says 4xx for later, 5xx for never.
    retryable: (error) => !(Object(error).responseCode >= 500),
  },
  async handle(mail, _signal, { delivery }) {
    // The same each time, so that a mailbox can tell a mail that was sent twice.
    const messageId = `<${(delivery as StreamDelivery<string>).id}@mails.example.com>`;
    await transport.sendMail({ from: "shop@example.com", messageId, ...mail });
    console.log(`Sent "${mail.subject}" to ${mail.to}`);
  },
  onDeadLetter: (mail, error) => console.log(`Not sent: ${mail}: ${error}`),
});

await runHost([redis, smtp, mailer]);
