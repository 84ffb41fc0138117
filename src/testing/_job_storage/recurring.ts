import { firingOf, jobOf, type JobStorageCheck, recurringOf } from "./bench.ts";
import type { RecurringRecord } from "../../jobs/job_record.ts";
import type { JobBench } from "./bench.ts";
import type { JobStorage } from "../../jobs/job_storage.ts";

const look = "recurring()";
const fire = "fireRecurring(): where id and next = seen";

async function only(storage: JobStorage, bench: JobBench): Promise<RecurringRecord> {
  const all = await storage.recurring();
  bench.same(all.length, 1, "the number of recurring jobs", look);
  return all[0] as RecurringRecord;
}

/** What the members about recurring jobs promise. */
export const recurring: readonly JobStorageCheck[] = [
  {
    name: "a recurring job is stored with all that it has, and given by id",
    async check(storage, bench) {
      bench.same(await storage.recurring(), [], "recurring() of nothing", look);
      const full = recurringOf("b", {
        job: "report",
        queue: "reports",
        priority: -3,
        input: `{ "a": 1 }`,
        key: "k",
        keyUntil: "ended",
        overlap: true,
        pattern: "30 2 * * *",
        timeZone: "Europe/Berlin",
        missed: "skip",
        nextAt: 123_456,
      });
      const plain = recurringOf("a", { nextAt: undefined });
      bench.same(await storage.putRecurring(full), true, "what putRecurring() gives", look);
      bench.same(await storage.putRecurring(plain), true, "what putRecurring() gives", look);
      bench.same(await storage.recurring(), [plain, full], "recurring()", "its columns, its order");
    },
  },
  {
    name: "an unchanged one stays as it is, whenever it is due by the one who stores it again",
    async check(storage, bench) {
      const it = recurringOf("a", { key: "k", timeZone: "UTC", nextAt: 5_000 });
      await storage.putRecurring(it);
      for (const nextAt of [1, 5_000, 9_000, undefined]) {
        const changed = await storage.putRecurring({ ...it, nextAt });
        bench.same(changed, false, "what putRecurring() gives", "which columns it compares");
        bench.same(await only(storage, bench), it, "the recurring job", "an unchanged one");
      }
      await storage.fireRecurring(firingOf("a", 5_000, 7_000, "job"));
      const fired = await only(storage, bench);
      bench.same(await storage.putRecurring(it), false, "what putRecurring() gives", look);
      bench.same(await only(storage, bench), fired, "the one that was fired", "an unchanged one");
    },
  },
  {
    name: "each change counts: it is due when that says so, and keeps its last job",
    async check(storage, bench) {
      let it = recurringOf("a");
      await storage.putRecurring(it);
      await storage.fireRecurring(firingOf("a", 1_000, 2_000, "job"));
      const { lastAt, lastJob, lastState } = await only(storage, bench);
      const changes: readonly Partial<RecurringRecord>[] = [
        { job: "other" },
        { queue: "other" },
        { priority: 1 },
        { input: "1" },
        { key: "k" },
        { keyUntil: "ended" },
        { overlap: true },
        { pattern: "1 * * * *" },
        { timeZone: "UTC" },
        { missed: "skip" },
        { key: undefined },
        { timeZone: undefined },
      ];
      for (const [index, change] of changes.entries()) {
        it = { ...it, ...change, nextAt: 10_000 + index };
        const answer = await storage.putRecurring(it);
        const what = `what putRecurring() gives for another ${Object.keys(change)}`;
        bench.same(answer, true, what, "which columns it compares");
        const wanted = { ...it, lastAt, lastJob, lastState };
        bench.same(await only(storage, bench), wanted, "the changed one", "putRecurring()");
      }
    },
  },
  {
    name: "an occurrence makes its job, and says when the next one is due",
    async check(storage, bench) {
      const it = recurringOf("a");
      await storage.putRecurring(it);
      await storage.putRecurring(recurringOf("b"));
      const from = await storage.now();
      const answer = await storage.fireRecurring(firingOf("a", 1_000, 2_000, "job"));
      bench.same(answer, "fired", "what fireRecurring() gives", fire);
      const [a, b] = await storage.recurring();
      bench.between(a?.lastAt, from, await storage.now(), "lastAt", "the storage's clock");
      const wanted = { ...it, nextAt: 2_000, lastJob: "job", lastState: "enqueued" };
      bench.same({ ...a, lastAt: undefined }, wanted, "the recurring job", fire);
      bench.same(b, recurringOf("b"), "another recurring job", fire);
      const { recurring, state } = await bench.details(storage, "job");
      bench.same([recurring, state], ["a", "enqueued"], "the job", fire);
      bench.same(await bench.taken(storage), ["job"], "what can be taken", fire);
      await bench.are(storage, { job: "processing" }, fire);
      bench.same((await storage.recurring())[0]?.lastState, "processing", "lastState then", look);
    },
  },
  {
    name: "an occurrence is fired once: what was not seen last is passed",
    async check(storage, bench) {
      await storage.putRecurring(recurringOf("a", { overlap: true }));
      await storage.fireRecurring(firingOf("a", 1_000, 2_000, "1"));
      const before = await only(storage, bench);
      for (const seenAt of [1_000, 1_999, 2_001]) {
        const answer = await storage.fireRecurring(firingOf("a", seenAt, 3_000, "2"));
        bench.same(answer, "passed", `what fireRecurring() gives, seen ${seenAt}`, fire);
      }
      const nobody = await storage.fireRecurring(firingOf("nobody", 1_000, 2_000, "2"));
      bench.same(nobody, "passed", "what fireRecurring() of nobody gives", fire);
      bench.same(await only(storage, bench), before, "the recurring job", fire);
      bench.same(await bench.listed(storage), ["1"], "the jobs", fire);
    },
  },
  {
    name: "of many that fire an occurrence at the same time one makes its job",
    async check(storage, bench) {
      const both = [storage, await bench.open()];
      await storage.putRecurring(recurringOf("a", { overlap: true }));
      for (let round = 1; round <= 3; round++) {
        const answers = await bench.atOnce(
          both,
          8,
          (it, index) =>
            it.fireRecurring(
              firingOf("a", round * 1_000, round * 1_000 + 1_000, `${round} ${index}`),
            ),
        );
        const fired = answers.filter((it) => it === "fired").length;
        bench.same(fired, 1, "the number of those who have fired it", fire);
        bench.same((await bench.listed(storage)).length, round, "the number of jobs", fire);
      }
    },
  },
  {
    name: "an occurrence waits while the last job has not ended, unless they may overlap",
    async check(storage, bench) {
      await storage.putRecurring(recurringOf("a"));
      await storage.fireRecurring(firingOf("a", 1_000, 2_000, "1"));
      const busy = async (when: string): Promise<void> => {
        const before = await only(storage, bench);
        const answer = await storage.fireRecurring(firingOf("a", 2_000, 3_000, "2"));
        bench.same(answer, "busy", `what fireRecurring() gives while it is ${when}`, fire);
        bench.same(await only(storage, bench), before, "the recurring job", fire);
        bench.same(await bench.listed(storage), ["1"], "the jobs", fire);
      };
      await busy("enqueued");
      const first = await bench.takeOne(storage);
      await busy("processing");
      await bench.settle(storage, first, { state: "scheduled", delay: bench.long, error: "E" });
      await busy("scheduled");
      await storage.cancel(["1"]);
      const answer = await storage.fireRecurring(firingOf("a", 2_000, 3_000, "2"));
      bench.same(answer, "fired", "what fireRecurring() gives when it has ended", fire);
      await storage.putRecurring(recurringOf("a", { overlap: true, nextAt: 5_000 }));
      const other = await storage.fireRecurring(firingOf("a", 5_000, 6_000, "3"));
      bench.same(other, "fired", "what fireRecurring() gives with overlap", fire);
      bench.same(await bench.listed(storage), ["3", "2", "1"], "the jobs", fire);
    },
  },
  {
    name: "an occurrence follows a last job that has ended in any way, or was deleted",
    async check(storage, bench) {
      await storage.putRecurring(recurringOf("a"));
      let seenAt = 1_000;
      for (const state of ["succeeded", "failed", "cancelled", "deleted"] as const) {
        const answer = await storage.fireRecurring(firingOf("a", seenAt, seenAt += 1_000, state));
        bench.same(answer, "fired", `what fireRecurring() gives before ${state}`, fire);
        const held = await bench.takeOne(storage);
        if (state === "cancelled") await storage.cancel([state]);
        if (state === "failed") await bench.settle(storage, held, { state, error: "E" });
        else {
          const ended = state === "cancelled" ? state : "succeeded";
          await bench.settle(storage, held, { state: "succeeded" }, ended);
        }
        const { lastJob, lastState } = await only(storage, bench);
        const wanted = [state, state === "deleted" ? "succeeded" : state];
        bench.same([lastJob, lastState], wanted, "the last job, and its state", look);
      }
      await bench.pass(25);
      await storage.purge({ succeeded: 0, failed: 0, cancelled: 0 }, 100);
      const { lastState } = await only(storage, bench);
      bench.same(lastState, undefined, "lastState of what was deleted", look);
      const answer = await storage.fireRecurring(firingOf("a", seenAt, seenAt + 1_000, "next"));
      bench.same(answer, "fired", "what fireRecurring() gives after a purge", fire);
    },
  },
  {
    name: "a moment may pass without a job, and may be the last",
    async check(storage, bench) {
      await storage.putRecurring(recurringOf("a"));
      await storage.fireRecurring(firingOf("a", 1_000, 2_000, "1"));
      const before = await only(storage, bench);
      const answer = await storage.fireRecurring(firingOf("a", 2_000, 3_000));
      bench.same(answer, "fired", "what fireRecurring() gives without a job", fire);
      const wanted = { ...before, nextAt: 3_000 };
      bench.same(await only(storage, bench), wanted, "the recurring job", fire);
      bench.same(await bench.listed(storage), ["1"], "the jobs", fire);
      const again = await storage.fireRecurring(firingOf("a", 2_000, 4_000));
      bench.same(again, "passed", "what a second one gives", fire);
      await storage.fireRecurring(firingOf("a", 3_000, undefined));
      bench.same((await only(storage, bench)).nextAt, undefined, "nextAt after the last", fire);
    },
  },
  {
    name: "a trigger makes a job at once, and leaves the times alone",
    async check(storage, bench) {
      await storage.putRecurring(recurringOf("a"));
      await storage.fireRecurring(firingOf("a", 1_000, 2_000, "1"));
      const from = await storage.now();
      const added = await storage.triggerRecurring("a", jobOf("2", { recurring: "a" }));
      bench.same(added, { id: "2", added: true }, "what triggerRecurring() gives", "its answer");
      const { nextAt, lastAt, lastJob, lastState } = await only(storage, bench);
      bench.between(lastAt, from, await storage.now(), "lastAt", "triggerRecurring()");
      const actual = { nextAt, lastJob, lastState };
      const wanted = { nextAt: 2_000, lastJob: "2", lastState: "enqueued" };
      bench.same(actual, wanted, "the recurring job", "triggerRecurring()");
      const nobody = await storage.triggerRecurring("nobody", jobOf("3"));
      bench.same(nobody, undefined, "what triggerRecurring() of nobody gives", look);
      bench.same(await bench.listed(storage), ["2", "1"], "the jobs", "triggerRecurring()");
    },
  },
  {
    name: "a recurring job is forgotten once, and its jobs stay",
    async check(storage, bench) {
      await storage.putRecurring(recurringOf("a"));
      await storage.putRecurring(recurringOf("b"));
      await storage.fireRecurring(firingOf("a", 1_000, 2_000, "1"));
      bench.same(await storage.removeRecurring("a"), true, "what removeRecurring() gives", look);
      bench.same(await storage.removeRecurring("a"), false, "what a second one gives", look);
      bench.same((await storage.recurring()).map(({ id }) => id), ["b"], "what is left", look);
      const answer = await storage.fireRecurring(firingOf("a", 2_000, 3_000, "2"));
      bench.same(answer, "passed", "what fireRecurring() gives then", fire);
      bench.same(await storage.triggerRecurring("a", jobOf("2")), undefined, "a trigger", look);
      bench.same(await bench.listed(storage), ["1"], "the jobs", "removeRecurring()");
      bench.same(await storage.putRecurring(recurringOf("a")), true, "a new one of the id", look);
      const { lastJob } = (await storage.recurring())[0] as RecurringRecord;
      bench.same(lastJob, undefined, "its last job", "what removeRecurring() leaves");
    },
  },
];
