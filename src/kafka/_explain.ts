import { textOf } from "../_log.ts";

/** What an error means, and what to do. */
const troubles: readonly (readonly [RegExp, string])[] = [
  [
    /SASL|authentication/i,
    "give the client a user name and a password that it takes, and the right mechanism",
  ],
  [/GROUP_AUTHORIZATION|not authorized to access group/i, "allow its user to read this group"],
  [
    /TOPIC_AUTHORIZATION|not authorized to access topic/i,
    "allow its user to read and describe the topics, and to write the dead letters",
  ],
  [/CLUSTER_AUTHORIZATION|not authorized/i, "allow its user to describe topics and groups"],
  [
    /UNKNOWN_TOPIC|does not host this topic|INVALID_TOPIC/i,
    "make the topic before; the source makes none",
  ],
  [
    /INVALID_SESSION_TIMEOUT|session timeout/i,
    "its sessionTimeout must be within what the broker allows (group.min.session.timeout.ms)",
  ],
  [
    /INCONSISTENT_GROUP_PROTOCOL/,
    "the group has members of another kind: choose another groupId",
  ],
  [
    /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|Connection|Waited|Closed connection/i,
    "is it running, and are the addresses right, also those that it advertises?",
  ],
];

/** What is looked at of an error of `kafkajs`. */
interface KafkaError {
  readonly type?: string;
  readonly broker?: string;
  readonly cause?: unknown;
}

/** The same error for an operator: which broker, as far as one is known, and what to do. */
export function explain(what: string, address: string | undefined, cause: unknown): Error {
  const chain: KafkaError[] = [];
  for (let it = cause; it instanceof Error && chain.length < 5; it = it.cause) {
    chain.push(it as KafkaError);
  }
  const type = chain.find((it) => it.type)?.type;
  const broker = chain.find((it) => it.broker)?.broker ?? address;
  const text = textOf(cause);
  const [, advice] = troubles.find(([pattern]) => pattern.test(`${type} ${text}`)) ?? [];
  const where = broker ? ` at ${broker}` : "";
  const line = `Cannot ${what} of Kafka${where}: ${text}`;
  return new Error(advice ? `${line}: ${advice}` : line, { cause });
}
