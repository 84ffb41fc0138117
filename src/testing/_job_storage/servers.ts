import type { JobStorageCheck } from "./bench.ts";
import type { MinuteRecord, ServerRecord } from "../../jobs/job_record.ts";

const look = "beat()";
const minute = 60_000;
const day = 24 * 60 * minute;

const server: Omit<ServerRecord, "seenAt" | "startedAt"> = {
  id: "one",
  name: "jobs",
  location: "host:1",
  queues: { default: 10, mails: 4 },
  active: 2,
};

function minuteOf(at: number, queue: string, succeeded: number): MinuteRecord {
  return { minute: at, queue, succeeded, failed: 2, started: 3, waited: 40, ran: 50 };
}

/** What the members about servers promise. */
export const servers: readonly JobStorageCheck[] = [
  {
    name: "a server is known from its first beat until it is removed, by its start",
    async check(storage, bench) {
      bench.same(await storage.servers(), [], "servers() of nothing", "servers()");
      const from = await storage.now();
      await storage.beat(server, []);
      const [first] = await storage.servers();
      bench.between(first?.startedAt, from, await storage.now(), "startedAt", look);
      bench.same(first?.seenAt, first?.startedAt, "seenAt of the first beat", look);
      const { startedAt: _, seenAt: _1, ...rest } = first ?? { startedAt: 0, seenAt: 0 };
      bench.same(rest, server, "the server", look);
      await bench.pass(25);
      await storage.beat({ ...server, id: "a later one" }, []);
      await bench.pass(25);
      const again = await storage.now();
      await storage.beat({ ...server, active: 7, queues: { default: 1 } }, []);
      const [one, two] = await storage.servers();
      bench.same([one?.id, two?.id], ["one", "a later one"], "servers()", "the order by start");
      bench.same([one?.active, one?.queues], [7, { default: 1 }], "active and queues then", look);
      bench.same(one?.startedAt, first?.startedAt, "startedAt of a later beat", look);
      bench.between(one?.seenAt, again, await storage.now(), "seenAt of a later beat", look);
      await storage.removeServer("one");
      await storage.removeServer("nobody");
      const left = (await storage.servers()).map(({ id }) => id);
      bench.same(left, ["a later one"], "servers() then", "removeServer()");
    },
  },
  {
    name: "what happened in a minute is added up, for each queue",
    async check(storage, bench) {
      const now = Math.floor(await storage.now() / minute) * minute;
      const before = now - minute;
      await storage.beat(server, [minuteOf(now, "b", 1), minuteOf(before, "b", 10)]);
      await storage.beat({ ...server, id: "two" }, [
        minuteOf(now, "b", 5),
        minuteOf(now, "a", 7),
      ]);
      const both = { failed: 4, started: 6, waited: 80, ran: 100 };
      const wanted = [
        minuteOf(before, "b", 10),
        minuteOf(now, "a", 7),
        { minute: now, queue: "b", succeeded: 6, ...both },
      ];
      const all = [...await storage.minutes(0)]
        .sort((a, b) => a.minute - b.minute || (a.queue < b.queue ? -1 : 1));
      bench.same(all, wanted, "minutes()", "how beat() adds");
      const times = (await storage.minutes(0)).map((it) => it.minute);
      bench.same(times, [before, now, now], "the times of minutes()", "oldest first");
      const late = (await storage.minutes(now)).map((it) => it.minute);
      bench.same(late, [now, now], "minutes() from the last on", "from of minutes()");
    },
  },
  {
    name: "minutes older than a day are neither given nor kept",
    async check(storage, bench) {
      const now = Math.floor(await storage.now() / minute) * minute;
      const [old, young] = [now - day - 5 * minute, now - day + 30 * minute];
      await storage.beat(server, [minuteOf(old, "a", 1), minuteOf(young, "a", 2)]);
      const given = await storage.minutes(0);
      bench.same(given, [minuteOf(young, "a", 2)], "minutes()", "how old a minute may be");
      await storage.purge({ succeeded: 0, failed: 0, cancelled: 0 }, 1);
      bench.same(await storage.minutes(0), given, "minutes() after a purge", "purge()");
      // One that was deleted adds nothing to what comes later.
      await storage.beat(server, [minuteOf(young, "a", 2)]);
      const [sum] = await storage.minutes(0);
      bench.same(sum?.succeeded, 4, "the sum of a minute after a purge", "purge()");
    },
  },
  {
    name: "a purge leaves the servers that were heard of",
    async check(storage, bench) {
      await storage.beat(server, []);
      await bench.pass(25);
      await storage.purge({ succeeded: 0, failed: 0, cancelled: 0 }, 100);
      bench.same((await storage.servers()).length, 1, "the number of servers", "purge()");
    },
  },
];
