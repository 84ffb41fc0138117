import { nothing } from "../_check.ts";
import { textOf } from "../_log.ts";
import type { Session } from "./_session.ts";

/** What a refused declaration says: what differs, and which value it has, if it has one. */
const inequivalent =
  /inequivalent arg '([^']+)'.* but current is (?:none|(?:the value )?'([^']*)'(?: of type '([^']*)')?)/;

/** What is no argument of a queue, but an option of its declaration, and what amqplib calls that. */
const settings = new Map([
  ["durable", "durable"],
  ["auto_delete", "autoDelete"],
  ["exclusive", "exclusive"],
]);

/** The arguments that may be named before the one that is asked for. */
const most = 8;

/**
 * Whether a queue has no dead-letter exchange among its arguments; nothing if that cannot be told. A client
 * cannot ask for them: so this declares the queue with one that nobody has, which is refused, and the refusal
 * names the difference. What a policy sets is not seen.
 */
export async function isWithoutDeadLetters(
  session: Session,
  queue: string,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const options: Record<string, unknown> = { durable: true };
  const args: Record<string, unknown> = { "x-dead-letter-exchange": "runhost-probe" };
  for (let tries = 0; tries < most; tries++) {
    // One of its own, since a refusal closes it.
    const channel = await session.answer(session.connection.createChannel(), "a channel", signal);
    channel.on("error", nothing);
    const declared = channel.assertQueue(queue, { ...options, arguments: args });
    const refusal = await session.answer(declared, "a declaration", signal).then(nothing, textOf);
    const [, name, value, type] = inequivalent.exec(refusal ?? "") ?? [];
    if (name === undefined) return undefined;
    if (name === "x-dead-letter-exchange") return value === undefined;
    const setting = settings.get(name);
    if (setting) options[setting] = value === "true";
    else if (value === undefined) delete args[name];
    else args[name] = /int|long$|short$/.test(type ?? "") ? Number(value) : value;
  }
  return undefined;
}
