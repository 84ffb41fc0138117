import type { RedisClient } from "./client.ts";

/** What an answer of Redis that failed means, and what to do. */
const troubles: readonly (readonly [RegExp, string])[] = [
  [
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH/,
    "is it running, and is the address right?",
  ],
  [/NOAUTH|WRONGPASS/, "give the client a user name and a password that it takes"],
  [/NOPERM/, "allow its user the commands of streams on this key (ACL SETUSER)"],
  [/WRONGTYPE/, "the key holds something else: choose another one"],
  [/unknown command/i, "it needs Redis 6.2 or newer"],
  [/READONLY/, "it is a replica: connect to the primary"],
  [/not answered|Timeout/, "is it running, and is its client connected?"],
];

/** The same error for an operator: which server, and what to do. Never with its password. */
export function explain(client: RedisClient, what: string, cause: unknown): Error {
  const text = textOf(cause);
  const [, advice] = troubles.find(([pattern]) => pattern.test(text)) ?? [];
  return new Error(
    `Cannot ${what} of Redis at ${addressOf(client)}: ${text}${advice ? `: ${advice}` : ""}`,
    {
      cause,
    },
  );
}

/** In one line; some errors of ioredis and Node have their text inside, some of redis none but their name. */
function textOf(error: unknown): string {
  const { message, errors, code, constructor } = Object(error) as
    & Partial<AggregateError>
    & { readonly code?: string; readonly constructor: { readonly name: string } };
  return message || (errors?.[0] as Error | undefined)?.message || code || constructor.name;
}

/** Where a client connects to, as far as it says. */
function addressOf(client: RedisClient): string {
  const { options = {} } = client as { readonly options?: Record<string, unknown> };
  const { url, socket, host, port, path } = options as {
    readonly url?: string;
    readonly socket?: { readonly host?: string; readonly port?: number; readonly path?: string };
    readonly host?: string;
    readonly port?: number;
    readonly path?: string;
  };
  if (url) {
    try {
      return new URL(url).host;
    } catch {
      return "an address that is none";
    }
  }
  const at = socket ?? { host, port, path };
  return at.path ?? `${at.host ?? "localhost"}:${at.port ?? 6379}`;
}
