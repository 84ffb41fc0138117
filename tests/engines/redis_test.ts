/** The entry `@runhost/host/redis` against a real Redis, with both clients in two majors each. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { backgroundService, createHost } from "../../mod.ts";
import { consumer, json } from "../../src/consumers/mod.ts";
import { type RedisClient, redisLease, streamSource } from "../../src/redis/mod.ts";
import { leader } from "../../src/supervision/mod.ts";
import {
  leaseContract,
  type LeaseFixture,
  sourceContract,
  type SourceFixture,
} from "../../src/testing/mod.ts";
import { rejection, thrown } from "../_fate.ts";
import { Lines } from "../_lines.ts";
import { lane, load, urlOf } from "./_client.ts";
import { Wire } from "./_wire.ts";

const url = urlOf("REDIS_URL");
const holdTimeout = 600;
let count = 0;

/** A client, and how to send with it and end it. */
interface Opened {
  readonly client: RedisClient;
  send(...command: string[]): Promise<unknown>;
  close(): void;
}

/** A client and all its duplicates, since the process of a source may die and nobody closes them. */
// deno-lint-ignore no-explicit-any -- of any client
function followed(client: any): any[] {
  const all = [client];
  const duplicate = client.duplicate.bind(client);
  client.duplicate = () => {
    all.push(duplicate());
    return all.at(-1);
  };
  client.on("error", () => {});
  return all;
}

const makers: Record<string, (url: string) => Opened> = {};
for (const name of ["ioredis", "ioredis-5"]) {
  const { Redis } = await load(name);
  makers[name] = (url) => {
    const client = new Redis(url, { maxRetriesPerRequest: null });
    const all = followed(client);
    return {
      client,
      send: (name, ...args) => client.call(name, ...args),
      close: () => all.forEach((it) => it.disconnect()),
    };
  };
}
for (const name of ["redis", "redis-5"]) {
  const { createClient } = await load(name);
  makers[name] = (url) => {
    const client = createClient({ url });
    const all = followed(client);
    client.connect().catch(() => {});
    return {
      client,
      send: (...command) => client.sendCommand(command),
      close: () => all.filter((it) => it.isOpen).forEach((it) => it.destroy()),
    };
  };
}

for (const [name, open] of url ? Object.entries(makers) : []) {
  /** A stream for one check; each source has a client of its own, over a wire that can be cut. */
  const makeSource = async (): Promise<SourceFixture<string>> => {
    const key = `contract-${name}-${++count}`;
    const admin = open(url!);
    const wires = await Promise.all(Array.from({ length: 5 }, () => Wire.to(url!)));
    const opened = new Map<unknown, { readonly wire: Wire; readonly close: () => void }>();
    return {
      open() {
        const wire = wires[opened.size]!;
        const { client, close } = open(wire.url);
        const source = streamSource({
          client,
          stream: key,
          group: "group",
          field: "text",
          holdTimeout,
          deadLetter: { stream: `${key}:dead` },
        });
        opened.set(source, { wire, close });
        return source;
      },
      send: (text, headers = {}) =>
        admin.send("XADD", key, "*", "text", text, ...Object.entries(headers).flat()),
      async deadLetters() {
        const entries = await admin.send("XRANGE", `${key}:dead`, "-", "+");
        return (entries as [string, string[]][]).map(([, it]) => it[it.indexOf("text") + 1]!);
      },
      breakDown: () => Promise.all(wires.map((wire) => wire.cut())),
      repair: () => Promise.all(wires.map((wire) => wire.mend())),
      kill: (source) => opened.get(source)?.wire.cut(),
      async close() {
        for (const { close } of opened.values()) close();
        admin.close();
        await Promise.all(wires.map((wire) => wire.cut()));
      },
    };
  };
  const can = [
    ...[
      "counts",
      "lease",
      "shares",
      "orders",
      "headers",
      "deadLetters",
      "outages",
      "crashes",
    ] as const,
  ];
  const sources = sourceContract(makeSource, { can, holdTimeout });

  const makeLease = (): LeaseFixture => {
    const { client, close } = open(url!);
    const lease = `contract-${name}-${++count}`;
    return { open: () => redisLease({ client, name: lease }), close };
  };
  const leases = leaseContract(makeLease, { duration: 500 });
  lane(test, [
    ...sources.map((it) => ({ ...it, name: `streamSource() over ${name}: ${it.name}` })),
    ...leases.map((it) => ({ ...it, name: `redisLease() over ${name}: ${it.name}` })),
  ]);
}

test.run();
