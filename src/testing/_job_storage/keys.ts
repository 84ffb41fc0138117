import { jobOf, type JobStorageCheck } from "./bench.ts";

const look = "who has a key";

/** What the key of a job promises. */
export const keys: readonly JobStorageCheck[] = [
  {
    name: "a key keeps others of the name away, and no other name",
    async check(storage, bench) {
      const first = await storage.add([
        jobOf("a", { key: "k" }),
        jobOf("b", { key: "k" }),
        jobOf("c", { key: "other" }),
        jobOf("d", { key: "k", name: "other" }),
        jobOf("e"),
        jobOf("f"),
      ]);
      const wanted = [
        { id: "a", added: true },
        { id: "a", added: false },
        { id: "c", added: true },
        { id: "d", added: true },
        { id: "e", added: true },
        { id: "f", added: true },
      ];
      bench.same(first, wanted, "what add() gives", look);
      const again = await storage.add([jobOf("g", { key: "k", queue: "other" })]);
      bench.same(again, [{ id: "a", added: false }], "what add() gives in another queue", look);
      await bench.are(storage, { b: undefined, g: undefined }, look);
    },
  },
  {
    name: "of jobs with one key that are added at the same time one is stored",
    async check(storage, bench) {
      const both = [storage, await bench.open()];
      const added = await bench.atOnce(
        both,
        20,
        (it, index) => it.add([jobOf(`${index}`, { key: "k" })]),
      );
      const first = added.flat().filter((it) => it.added).map(({ id }) => id);
      bench.same(first.length, 1, "the number of jobs that were added", "a unique index");
      const ids = new Set(added.flat().map(({ id }) => id));
      bench.same([...ids], first, "the id that every add() gives", look);
      bench.same(await bench.listed(storage), first, "the list of jobs", look);
    },
  },
  {
    name: "a key until started is free with the first take",
    async check(storage, bench) {
      await storage.add([jobOf("a", { key: "k", keyUntil: "started" })]);
      await bench.takeOne(storage);
      const added = await storage.add([jobOf("b", { key: "k" }), jobOf("c", { key: "k" })]);
      const wanted = [{ id: "b", added: true }, { id: "b", added: false }];
      bench.same(added, wanted, "what add() gives", "take() of a key until started");
    },
  },
  {
    name: "a key until ended is kept while the job runs, and while it waits for a retry",
    async check(storage, bench) {
      await storage.add([jobOf("a", { key: "k", keyUntil: "ended" })]);
      const kept = [{ id: "a", added: false }];
      const held = await bench.takeOne(storage);
      const other = jobOf("b", { key: "k", keyUntil: "ended" });
      bench.same(await storage.add([other]), kept, "what add() gives while it runs", look);
      await bench.settle(storage, held, { state: "scheduled", delay: bench.long, error: "E" });
      bench.same(await storage.add([other]), kept, "what add() gives before a retry", look);
      await bench.are(storage, { b: undefined }, look);
    },
  },
  {
    name: "a key until ended is free with each kind of end",
    async check(storage, bench) {
      for (const state of ["succeeded", "failed", "cancelled"] as const) {
        await bench.put(storage, state, state, { key: "k", keyUntil: "ended" });
        const next = `after ${state}`;
        const added = await storage.add([jobOf(next, { key: "k" })]);
        bench.same(added, [{ id: next, added: true }], "what add() gives", `the key of a ${state}`);
        await storage.cancel([next]);
      }
    },
  },
  {
    name: "a key is free when a job is cancelled that waits",
    async check(storage, bench) {
      await storage.add([
        jobOf("parent"),
        jobOf("awaiting", { key: "1", parents: ["parent"] }),
        jobOf("scheduled", { key: "2", delay: bench.long }),
        jobOf("enqueued", { key: "3" }),
      ]);
      const again = ["1", "2", "3"].map((key) => jobOf(`after ${key}`, { key }));
      const before = await storage.add(again);
      bench.same(before.map((it) => it.added), [false, false, false], "added", look);
      await storage.cancel(["awaiting", "scheduled", "enqueued"]);
      const after = await storage.add(again);
      bench.same(after.map((it) => it.added), [true, true, true], "added", "the key in cancel()");
    },
  },
  {
    name: "a job that was interrupted has its key again",
    async check(storage, bench) {
      await storage.add([jobOf("a", { key: "k", keyUntil: "started" })]);
      await bench.settle(storage, await bench.takeOne(storage), { state: "enqueued" });
      const added = await storage.add([jobOf("b", { key: "k" })]);
      bench.same(added, [{ id: "a", added: false }], "what add() gives", "the key in settle()");
    },
  },
  {
    name: "a job that is tried again has its key again",
    async check(storage, bench) {
      await storage.add([jobOf("a", { key: "k", keyUntil: "started" })]);
      const retry = { state: "scheduled", delay: bench.long, error: "E" } as const;
      await bench.settle(storage, await bench.takeOne(storage), retry);
      const added = await storage.add([jobOf("b", { key: "k" })]);
      bench.same(added, [{ id: "a", added: false }], "what add() gives", "the key in settle()");
    },
  },
  {
    name: "a job that is tried again leaves its key to whoever has it meanwhile",
    async check(storage, bench) {
      for (
        const [kind, settlement] of Object.entries(
          {
            retried: { state: "scheduled", delay: 600_000, error: "E" },
            interrupted: { state: "enqueued" },
          } as const,
        )
      ) {
        const [first, next, later] = [`${kind} 1`, `${kind} 2`, `${kind} 3`] as const;
        const fields = { key: "k", keyUntil: "started", queue: kind, name: kind } as const;
        await storage.add([jobOf(first, fields)]);
        const held = await bench.takeOne(storage, { queue: kind, names: [kind] });
        await storage.add([jobOf(next, fields)]);
        await bench.settle(storage, held, settlement);
        const added = await storage.add([jobOf(later, fields)]);
        bench.same(added, [{ id: next, added: false }], "what add() gives", "the key in settle()");
        await storage.cancel([first]);
        const again = await storage.add([jobOf(later, fields)]);
        bench.same(
          again,
          [{ id: next, added: false }],
          "what add() gives when the first has ended",
          look,
        );
      }
    },
  },
];
