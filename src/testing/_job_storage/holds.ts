import { jobOf, jobsOf, type JobStorageCheck, takeOf } from "./bench.ts";

/** A retry that comes in none of the checks. */
const retry = { state: "scheduled", delay: 600_000, error: "Error: again" } as const;

/** What a hold promises: `extend`, `expired` and `note`. */
export const holds: readonly JobStorageCheck[] = [
  {
    name: "extend() answers for each hold, in their order",
    async check(storage, bench) {
      await storage.add(["a", "b", "c", "d"].map((id) => jobOf(id)));
      const { a, b, c, d } = await bench.hold(storage, ["a", "b", "c", "d"]);
      await storage.cancel(["c"]);
      await bench.settle(storage, d);
      const nobody = { id: "nobody", token: 1 };
      const other = { id: "a", token: a.token + 1_000_000 };
      const answer = await storage.extend([d, c, other, nobody, b, a], bench.long);
      const wanted = ["lost", "cancelRequested", "lost", "lost", "held", "held"];
      bench.same(answer, wanted, "what extend() gives", "extend()");
      bench.same(await storage.extend([], bench.long), [], "extend() of no hold", "extend()");
    },
  },
  {
    name: "extend() makes a hold last from then on, longer or shorter",
    async check(storage, bench) {
      await storage.add([jobOf("shorter")]);
      const { shorter } = await bench.hold(storage, ["shorter"]);
      // Where calls are slow, a short hold may have run out before it is extended.
      for (let tries = 1;; tries++) {
        const id = `longer ${tries}`;
        await storage.add([jobOf(id, { name: "long" })]);
        const holdTimeout = bench.short * tries;
        const longer = await bench.takeOne(storage, { names: ["long"], holdTimeout });
        const [state] = await storage.extend([longer], bench.long);
        if (state === "held") break;
        bench.holds(tries < 10, "extend() answers held for a hold that stands", state, "extend()");
        await bench.settle(storage, longer);
      }
      await storage.extend([shorter], bench.short);
      await bench.outlast();
      const expired = await storage.expired(["job", "long"], 10);
      bench.same(expired.map(({ id }) => id), ["shorter"], "what has expired", "extend()");
    },
  },
  {
    name: "a hold that has run out is not extended, though nobody has settled it",
    async check(storage, bench) {
      await storage.add([jobOf("a"), jobOf("asked")]);
      const holdTimeout = bench.short;
      const { a, asked } = await bench.hold(storage, ["a", "asked"], { holdTimeout });
      await storage.cancel(["asked"]);
      await bench.outlast();
      const answer = await storage.extend([a, asked], bench.long);
      bench.same(answer, ["lost", "lost"], "what extend() gives", "extend(): until when it held");
      const expired = (await storage.expired(["job"], 10)).map(({ id }) => id);
      bench.sameSet(expired, ["a", "asked"], "what has expired", "extend() of an expired hold");
      await bench.are(storage, { a: "processing", asked: "processing" }, "extend()");
    },
  },
  {
    name: "extend() of what is lost leaves the hold of another as it is",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const first = await bench.takeOne(storage);
      await bench.settle(storage, first, { state: "enqueued" });
      await bench.takeOne(storage, { holdTimeout: bench.short });
      const answer = await storage.extend([first], bench.long);
      bench.same(answer, ["lost"], "what extend() gives", "whose hold extend() extends: the token");
      await bench.outlast();
      const expired = await storage.expired(["job"], 10);
      bench.same(expired.map(({ id }) => id), ["a"], "what has expired", "extend() by a token");
    },
  },
  {
    name: "what has not run out is not expired, nor is what is not held any more",
    async check(storage, bench) {
      const ids = ["short", "long", "done", "again", "back", "cancelled"];
      await storage.add(ids.map((id) => jobOf(id)));
      const holdTimeout = bench.short;
      await bench.hold(storage, ["short"], { holdTimeout });
      await bench.hold(storage, ["long"]);
      const rest = await bench.hold(storage, ["done", "again", "back", "cancelled"], {
        holdTimeout,
      });
      await bench.settle(storage, rest.done);
      await bench.settle(storage, rest.again, retry);
      await bench.settle(storage, rest.back, { state: "enqueued" });
      await storage.cancel(["cancelled"]);
      await bench.settle(storage, rest.cancelled, { state: "succeeded" }, "cancelled");
      await bench.outlast();
      const expired = await storage.expired(["job"], 10);
      bench.same(expired.map(({ id }) => id), ["short"], "what has expired", "expired()");
    },
  },
  {
    name: "expired() gives jobs as they are held, of the names that are meant, and max at most",
    async check(storage, bench) {
      await storage.add([...jobsOf(3), jobOf("other", { name: "other", queue: "other" })]);
      const names = ["job", "other"];
      const holdTimeout = bench.short;
      const { jobs } = await storage.take(takeOf({ holdTimeout, server: "dead" }));
      await storage.take(takeOf({ queue: "other", names, holdTimeout }));
      await bench.outlast();
      const byId = (a: { id: string }, b: { id: string }): number => a.id < b.id ? -1 : 1;
      const expired = [...await storage.expired(["job"], 10)].sort(byId);
      bench.same(expired, [...jobs].sort(byId), "what has expired", "what expired() gives");
      const count = (await storage.expired(names, 2)).length;
      bench.same(count, 2, "the number of what expired() gives", "max");
      const all = (await storage.expired(names, 10)).map(({ id }) => id);
      bench.sameSet(all, [...jobs.map(({ id }) => id), "other"], "what has expired", "names");
      bench.same(await storage.expired([], 10), [], "what has expired without a name", "names");
    },
  },
  {
    name: "a job whose hold has run out is taken by nobody before that is settled",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const held = await bench.takeOne(storage, { holdTimeout: bench.short });
      await bench.outlast();
      bench.same(await bench.taken(storage), [], "what can be taken", "take() of an expired hold");
      await bench.are(storage, { a: "processing" }, "who ends a hold that has run out");
      await bench.settle(storage, held);
      bench.same(await storage.expired(["job"], 10), [], "what has expired then", "expired()");
    },
  },
  {
    name: "whoever sees an expired hold settles it, and then the first has lost it",
    async check(storage, bench) {
      const other = await bench.open();
      await storage.add([jobOf("a")]);
      const first = await bench.takeOne(storage, { holdTimeout: bench.short, server: "first" });
      await bench.outlast();
      const [seen] = await other.expired(["job"], 1);
      bench.same(seen, first, "what has expired", "expired()");
      await bench.settle(other, first, retry);
      const before = await bench.details(storage, "a");
      const look = "settle() of an expired hold that somebody has settled";
      const late = await storage.settle(first, { state: "succeeded", result: "1" });
      bench.same(late, false, "what the late settle() gives", look);
      bench.same(await storage.extend([first], 1), ["lost"], "what extend() gives", look);
      await storage.note(first, { progress: "1", log: [{ at: 1, text: "late" }] });
      bench.same(await bench.details(storage, "a"), before, "the job then", look);
    },
  },
  {
    name: "the first holder can do nothing to the job in the hands of the next",
    async check(storage, bench) {
      const other = await bench.open();
      await storage.add([jobOf("a", { key: "k", keyUntil: "ended" })]);
      const first = await bench.takeOne(storage, { holdTimeout: bench.short });
      await bench.outlast();
      await bench.settle(other, first, { state: "enqueued" });
      const second = await bench.takeOne(other, { server: "second" });
      const before = await bench.details(storage, "a");
      const look = "where id, token and processing";
      for (
        const settlement of [
          { state: "succeeded", result: "1" },
          { state: "failed", error: "E" },
          retry,
          { state: "enqueued" },
        ] as const
      ) {
        const late = await storage.settle(first, settlement);
        bench.same(late, false, `what a late settle() as ${settlement.state} gives`, look);
      }
      await storage.note(first, { progress: "1", log: [{ at: 1, text: "late" }] });
      bench.same(await bench.details(storage, "a"), before, "the job then", look);
      await bench.settle(other, second, { state: "succeeded", result: "2" });
      bench.same((await bench.details(storage, "a")).result, "2", "the result", look);
    },
  },
  {
    name: "an expired hold that was asked to end can be seen as that",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      await bench.takeOne(storage, { holdTimeout: bench.short });
      await storage.cancel(["a"]);
      await bench.outlast();
      const [seen] = await storage.expired(["job"], 1);
      if (!seen) return bench.same(seen, { id: "a" }, "what has expired", "expired()");
      bench.same(seen.cancelRequested, true, "cancelRequested", "expired()");
      await bench.settle(storage, seen, retry, "cancelled");
    },
  },
  {
    name: "progress is what was said last, and stays when only lines come",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const held = await bench.takeOne(storage);
      await storage.note(held, { progress: "0.25" });
      await storage.note(held, { progress: `{"done":2}`, log: [{ at: 5, text: "one" }] });
      await storage.note(held, { log: [{ at: 6, text: "two" }] });
      await storage.note(held, {});
      const { progress, log } = await bench.details(storage, "a");
      bench.same(progress, `{"done":2}`, "progress", "note()");
      const wanted = [{ at: 5, text: "one" }, { at: 6, text: "two" }];
      bench.same(log, wanted, "the log", "note()");
      await bench.settle(storage, held);
      const after = await bench.details(storage, "a");
      bench.same(
        [after.progress, after.log],
        [progress, log],
        "both when it has ended",
        "settle()",
      );
    },
  },
  {
    name: "a log keeps its order, and the times of the server",
    async check(storage, bench) {
      await storage.add([jobOf("a"), jobOf("b")]);
      const { a, b } = await bench.hold(storage, ["a", "b"]);
      const lines = Array.from({ length: 30 }, (_, at) => ({ at: 1_000 - at, text: `${at}` }));
      for (let i = 0; i < 30; i += 3) {
        await storage.note(a, { log: lines.slice(i, i + 3) });
        await storage.note(b, { log: lines.slice(i, i + 1) });
      }
      bench.same((await bench.details(storage, "a")).log, lines, "the log of a", "note()");
      const few = lines.filter((_, index) => index % 3 === 0);
      bench.same((await bench.details(storage, "b")).log, few, "the log of b", "note()");
    },
  },
  {
    name: "a log keeps its last 1000 lines",
    async check(storage, bench) {
      await storage.add([jobOf("a")]);
      const held = await bench.takeOne(storage);
      const lines = Array.from({ length: 2_300 }, (_, at) => ({ at, text: `line ${at}` }));
      await storage.note(held, { log: lines.slice(0, 700) });
      await storage.note(held, { log: lines.slice(700, 1_100) });
      const look = "the cap of the log in note()";
      const first = (await bench.details(storage, "a")).log;
      bench.same(first, lines.slice(100, 1_100), "the log after 1100 lines", look);
      await storage.note(held, { log: lines.slice(1_100) });
      const second = (await bench.details(storage, "a")).log;
      bench.same(second, lines.slice(1_300), "the log after 1200 lines at once", look);
    },
  },
  {
    name: "nothing is noted where nothing is held",
    async check(storage, bench) {
      await storage.add([jobOf("a"), jobOf("b")]);
      const { a } = await bench.hold(storage, ["a"]);
      await bench.settle(storage, a);
      const note = { progress: "1", log: [{ at: 1, text: "late" }] };
      for (const id of ["a", "b", "nobody"]) await storage.note({ id, token: a.token }, note);
      const { progress, log } = await bench.details(storage, "b");
      bench.same([progress, log], [undefined, []], "progress and log of b", "note() by a token");
      const after = await bench.details(storage, "a");
      bench.same([after.progress, after.log], [undefined, []], "those of a", "note() by a token");
    },
  },
];
