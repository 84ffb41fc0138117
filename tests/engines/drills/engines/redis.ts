import { hostedService } from "../../../../mod.ts";
import { streamSource } from "../../../../src/redis/mod.ts";
import { load } from "../../_client.ts";
import { redis as server } from "../../servers/redis.ts";
import { type DrillEngine, holdTimeout } from "./_engine.ts";

const group = "workers";

export const redis: DrillEngine = {
  server,
  async open({ url, queue }) {
    const { Redis } = await load("ioredis");
    const client = new Redis(url, { maxRetriesPerRequest: null });
    client.on("error", () => {}); // the source tells of outages
    return {
      services: [hostedService("redis", { stop: () => client.disconnect() })],
      source: streamSource({
        client,
        stream: queue,
        group,
        field: "text",
        holdTimeout,
        deadLetter: { stream: `${queue}:dead` },
        remove: true,
      }),
    };
  },
  async connect({ url, queue }) {
    const { Redis } = await load("ioredis");
    const client = new Redis(url);
    client.on("error", () => {}); // what is asked for meanwhile fails
    return {
      async send(texts) {
        await Promise.all(texts.map((text) => client.xadd(queue, "*", "text", text)));
      },
      left: () => client.xlen(queue),
      async deadLetters() {
        const entries = await client.xrange(`${queue}:dead`, "-", "+") as [string, string[]][];
        return entries.map(([, fields]) => fields[fields.indexOf("text") + 1]!);
      },
      close: async () => client.disconnect(),
    };
  },
};
