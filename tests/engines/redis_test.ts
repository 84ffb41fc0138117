/** The entry `@runhost/host/redis` against a real Redis, with both clients in two majors each. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ServiceContext } from "../../mod.ts";
import { type RedisClient, redisLease, streamSource } from "../../src/redis/mod.ts";
import {
  leaseContract,
  type LeaseFixture,
  sourceContract,
  type SourceFixture,
  testContext,
} from "../../src/testing/mod.ts";
import { globalClock } from "../../src/_time/timer.ts";
import { rejection } from "../_fate.ts";
import { Lines } from "../_lines.ts";
import { lanesOf, load, urlOf } from "./_client.ts";
import { Wire } from "./_wire.ts";

const lane = lanesOf(test);

const url = urlOf("REDIS_URL");
const holdTimeout = 1_000;
let count = 0;
/** The runs on each runtime share the server. */
const run = crypto.randomUUID();

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
    const key = `contract-${run}-${name}-${++count}`;
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
    const lease = `contract-${run}-${name}-${++count}`;
    return { open: () => redisLease({ client, name: lease }), close };
  };
  const leases = leaseContract(makeLease, { duration: 3_000 });
  lane([
    ...sources.map((it) => ({ ...it, name: `streamSource() over ${name}: ${it.name}` })),
    ...leases.map((it) => ({ ...it, name: `redisLease() over ${name}: ${it.name}` })),
  ]);
}

if (url) {
  const { signal } = new AbortController();

  /** A stream for one test, a client, and a context whose log can be read. */
  const rig = (name = "mails") => {
    const { client, send, close } = makers["ioredis"]!(url);
    const stream = `test-${run}-${++count}`;
    const lines = new Lines();
    const context: ServiceContext = {
      ...testContext({ name }),
      clock: globalClock,
      logger: lines,
    };
    return { client, send, close, stream, lines, context };
  };
  type Rows = [string, string, number, number][];

  test("streamSource() without a field delivers all of them, and no headers", async () => {
    const { client, send, close, stream, context } = rig();
    const source = streamSource({ client, stream, group: "g" });
    await source.start!(signal, context);
    await send("XADD", stream, "*", "to", "a@example.com", "subject", "Hello");
    const [delivery] = await source.receive(signal, { max: 1 });
    assert.equal({ ...delivery!.value }, { to: "a@example.com", subject: "Hello" });
    assert.equal(delivery!.headers, {});
    await delivery!.ack();
    await source.stop!(signal, context);
    close();
  });

  test("streamSource() reads what came before its group was made, and keeps what is done unless told", async () => {
    const { client, send, close, stream, context } = rig();
    for (const remove of [false, true]) {
      await send("XADD", stream, "*", "n", "1");
      const source = streamSource({ client, stream, group: `g${remove}`, remove });
      await source.start!(signal, context);
      const deliveries = await source.receive(signal, { max: 10 });
      for (const delivery of deliveries) await delivery.ack();
      assert.is(await send("XLEN", stream), remove ? 0 : 1);
      await source.stop!(signal, context);
    }
    close();
  });

  test("a dead letter of streamSource() says why, and from where", async () => {
    const { client, send, close, stream, context } = rig();
    const dead = `${stream}:dead`;
    const source = streamSource({ client, stream, group: "g", deadLetter: { stream: dead } });
    await source.start!(signal, context);
    const id = await send("XADD", stream, "*", "to", "nobody");
    const [delivery] = await source.receive(signal, { max: 1 });
    await delivery!.reject(new Error("No address"));
    const [[, fields]] = await send("XRANGE", dead, "-", "+") as [[string, string[]]];
    assert.equal(fields, [
      "error",
      "Error: No address",
      "stream",
      stream,
      "id",
      id,
      "to",
      "nobody",
    ]);
    assert.equal(await send("XPENDING", stream, "g", "-", "+", "10"), []);
    await source.stop!(signal, context);
    close();
  });

  test("a dead letter of streamSource() leaves the stream where that keeps nothing that is done", async () => {
    const { client, send, close, stream, context } = rig();
    const deadLetter = { stream: `${stream}:dead` };
    for (const remove of [false, true]) {
      await send("XADD", stream, "*", "to", "nobody");
      const source = streamSource({ client, stream, group: "g", deadLetter, remove });
      await source.start!(signal, context);
      const [delivery] = await source.receive(signal, { max: 1 });
      await delivery!.reject(new Error("No address"));
      assert.is(await send("XLEN", stream), 1); // the first one, both times
      await source.stop!(signal, context);
    }
    assert.is(await send("XLEN", deadLetter.stream), 2);
    close();
  });

  test("streamSource() settles by one command, so that nothing is half settled by a process that dies", async () => {
    const { client, send, close, stream, context } = rig();
    const sent: unknown[] = [];
    const followed = new Proxy(client, {
      get(target, key) {
        const own = Reflect.get(target, key);
        if (typeof own !== "function") return own;
        return (...args: unknown[]) => {
          if (key === "call") sent.push(args[0]);
          return own.apply(target, args);
        };
      },
    });
    for (const remove of [false, true]) {
      await send("XADD", stream, "*", "n", "1");
      const source = streamSource({ client: followed, stream, group: "g", remove });
      await source.start!(signal, context);
      const [delivery] = await source.receive(signal, { max: 1 });
      sent.length = 0;
      await delivery!.ack();
      assert.is(sent.length, 1, sent.join());
      await source.stop!(signal, context);
    }
    close();
  });

  test("streamSource() leaves its group, unless something stands under its name", async () => {
    const { client, send, close, stream, context } = rig();
    const names = async (): Promise<string[]> =>
      (await send("XINFO", "CONSUMERS", stream, "g") as unknown[][]).map((it) => `${it[1]}`);
    const source = streamSource({ client, stream, group: "g" });
    for (const settles of [true, false]) {
      await source.start!(signal, context);
      await send("XADD", stream, "*", "n", "1");
      const [delivery] = await source.receive(signal, { max: 1 });
      const all = await names();
      assert.ok(all.some((it) => /^mails-[0-9a-f-]{36}$/.test(it)), all.join());
      if (settles) await delivery!.ack();
      await source.stop!(signal, context);
      assert.is((await names()).length, settles ? 0 : 1);
    }
    close();
  });

  test("streamSource() gives back under nobody's name, and does not count what was interrupted", async () => {
    const { client, send, close, stream, context } = rig();
    const source = streamSource({ client, stream, group: "g" });
    await source.start!(signal, context);
    await send("XADD", stream, "*", "n", "1");
    for (
      const [attempt, error] of [[1, undefined], [1, new Error("boom")], [2, undefined]] as const
    ) {
      const [delivery] = await source.receive(signal, { max: 1 });
      assert.is(delivery!.attempt, attempt);
      await delivery!.release(error ? { delay: 0, error } : { delay: 0 });
      const rows = await send("XPENDING", stream, "g", "-", "+", "10") as Rows;
      assert.is(rows[0]![1], "released");
    }
    await source.stop!(signal, context);
    close();
  });

  test("streamSource() names the entries that were trimmed while somebody held them", async () => {
    const { client, send, close, stream, lines, context } = rig();
    const source = streamSource({ client, stream, group: "g", holdTimeout: 50 });
    await source.start!(signal, context);
    const id = await send("XADD", stream, "*", "n", "1");
    await source.receive(signal, { max: 1 });
    await send("XTRIM", stream, "MAXLEN", "0");
    while (lines.heads.length === 0) await source.receive(signal, { max: 1 });
    const line =
      `error: Service "mails": entries of stream "${stream}" were deleted before they were done: ${id}`;
    assert.equal(lines.heads, [line]);
    await source.stop!(signal, context);
    close();
  });

  test("streamSource() makes its group anew when the stream was deleted", async () => {
    const { client, send, close, stream, context } = rig();
    const source = streamSource({ client, stream, group: "g" });
    await source.start!(signal, context);
    await send("DEL", stream);
    assert.match((await rejection(source.receive(signal, { max: 1 }))).message, "NOGROUP");
    await send("XADD", stream, "*", "n", "1");
    assert.is((await source.receive(signal, { max: 1 })).length, 1);
    await source.stop!(signal, context);
    close();
  });

  test("streamSource() does not start over another kind of key, and says what to do", async () => {
    const { client, send, close, stream, context } = rig();
    await send("SET", stream, "text");
    const source = streamSource({ client, stream, group: "g" });
    const error = await rejection(source.start!(signal, context) as Promise<void>);
    const { host } = new URL(url);
    assert.match(
      error.message,
      `Cannot consume stream "${stream}" as group "g" of Redis at ${host}: `,
    );
    assert.match(error.message, /WRONGTYPE.*: the key holds something else: choose another one$/);
    close();
  });

  test("streamSource() does not start as a user who may not, and says what to do", async () => {
    const { send, close, stream, context } = rig();
    await send("ACL", "SETUSER", "guest", "on", ">secret", "~*", "+ping");
    const own = new URL(url);
    own.username = "guest";
    own.password = "secret";
    const guest = makers["ioredis"]!(own.href);
    const source = streamSource({ client: guest.client, stream, group: "g" });
    const error = await rejection(source.start!(signal, context) as Promise<void>);
    assert.match(
      error.message,
      /NOPERM.*: allow its user the commands of streams on this key \(ACL SETUSER\)$/,
    );
    assert.not.match(error.message, "secret");
    guest.close();
    close();
  });

  for (const name of ["ioredis", "redis"]) {
    test(`streamSource() over ${name} does not start without a server, and says what to do`, async () => {
      const { client, close } = makers[name]!("redis://user:secret@127.0.0.1:1");
      const source = streamSource({ client, stream: "s", group: "g" });
      const error = await rejection(
        source.start!(signal, { ...testContext({ name: "mails" }), clock: globalClock }) as Promise<
          void
        >,
      );
      assert.match(error.message, /of Redis at 127\.0\.0\.1:1: .*is it running, and is .*\?$/);
      assert.not.match(error.message, "secret");
      close();
    });
  }
}

test.run();
