/** The contract of a storage of jobs: a good one passes, and each planted fault is found by the check that is to. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type HeldJob,
  type Hold,
  type JobDetails,
  type JobRecord,
  type JobStorage,
  type MinuteRecord,
  type NewJob,
  type RecurringRecord,
  StorageVersionError,
} from "../src/jobs/mod.ts";
import {
  FakeClock,
  FakeJobStorage,
  jobStorageContract,
  type JobStorageContractOptions,
  type JobStorageFixture,
} from "../src/testing/mod.ts";
import { rejection, thrown } from "./_fate.ts";
import { guard } from "./_guard.ts";

guard(test);

const quick: JobStorageContractOptions = {
  patience: 2_000,
  silence: 100,
  can: ["transactions", "versions"],
};

/** What an author has got wrong: what their storage does in place of a good one, each time the store is opened. */
type Fault = (good: JobStorage, store: Store) => Partial<JobStorage>;

/** A transaction of a program's own: what is stored when it commits. */
type Own = NewJob[];

/** What a storage is a connection to: jobs in memory, in a store that has a version. */
class Store {
  readonly clock: FakeClock = new FakeClock();
  readonly memory: FakeJobStorage = new FakeJobStorage({ clock: this.clock });
  version = 1;
  /** The token of the last take of each job, which no record has. */
  readonly tokens: Map<string, number> = new Map();
  /** What a fault keeps in the store: the same for all that have opened it. */
  readonly notes: Map<string, unknown> = new Map();

  open(): JobStorage {
    const { memory } = this;
    const entries = members.map((name) => [name, (memory[name] as () => unknown).bind(memory)]);
    const storage = Object.fromEntries(entries) as unknown as JobStorage;
    return {
      ...storage,
      start: async (signal, context) => {
        if (this.version > 1) throw new StorageVersionError("the store", this.version, 1);
        await storage.start(signal, context);
      },
      take: async (options) => {
        const taken = await storage.take(options);
        for (const { id, token } of taken.jobs) this.tokens.set(id, token);
        return taken;
      },
      add: async (jobs, own?: unknown) => {
        if (own === undefined) return await storage.add(jobs);
        // Whether it is right is known when it is tried on what the transaction has so far.
        const trial = new FakeJobStorage({ clock: this.clock });
        await trial.add(own as Own);
        const added = await trial.add(jobs);
        (own as Own).push(...jobs);
        return added;
      },
    };
  }

  /** The hold on a job by whoever has it now, whatever somebody believes to hold. */
  current({ id, token }: Hold): Hold {
    return { id, token: this.tokens.get(id) ?? token };
  }

  /** What a fault keeps, made when it is asked for first. */
  note<T>(name: string, make: () => T): T {
    if (!this.notes.has(name)) this.notes.set(name, make());
    return this.notes.get(name) as T;
  }
}

const members = [
  "start",
  "stop",
  "now",
  "onWake",
  "add",
  "take",
  "extend",
  "settle",
  "note",
  "expired",
  "cancel",
  "cancelRequests",
  "requeue",
  "get",
  "list",
  "queues",
  "pause",
  "recurring",
  "putRecurring",
  "removeRecurring",
  "fireRecurring",
  "triggerRecurring",
  "beat",
  "removeServer",
  "servers",
  "minutes",
  "purge",
] as const satisfies readonly (keyof JobStorage)[];

function fixture(fault: Fault): JobStorageFixture {
  const store = new Store();
  return {
    clock: store.clock,
    open() {
      const good = store.open();
      return { ...good, ...fault(good, store) };
    },
    async transaction(work) {
      const own: Own = [];
      await work(own);
      await store.memory.add(own);
    },
    renew: async () => void store.version++,
  };
}

for (const { name, run } of jobStorageContract(() => fixture(() => ({})), quick)) {
  test(`a good storage: ${name}`, run);
}

// How faults are planted.

const ended = ["succeeded", "failed", "cancelled"];
const isOver = ({ state }: JobRecord): boolean => ended.includes(state);
const everything = { succeeded: 0, failed: 0, cancelled: 0 };

/** Stores other jobs than it is given. */
function adds(change: (job: NewJob, store: Store) => Partial<NewJob>): Fault {
  return (good, store) => ({
    add: (jobs, own) => good.add(jobs.map((it) => ({ ...it, ...change(it, store) })), own),
  });
}

/** Gives other records than are stored; `undefined` for a job that is to be gone. */
function views(
  change: (job: JobRecord & Partial<JobDetails>, store: Store) => object | undefined,
): Fault {
  return (good, store) => {
    const seen = <J extends JobRecord>(job: J): J[] => {
      const changes = change(job, store);
      return changes ? [{ ...job, ...changes }] : [];
    };
    return {
      async get(id) {
        const job = await good.get(id);
        return job && seen(job)[0];
      },
      async list(filter, limit, after) {
        const page = await good.list(filter, limit, after);
        return { ...page, jobs: page.jobs.flatMap(seen) };
      },
      async take(options) {
        const taken = await good.take(options);
        return { ...taken, jobs: taken.jobs.flatMap(seen) };
      },
      expired: async (names, max) => (await good.expired(names, max)).flatMap(seen),
    };
  };
}

/** Both faults, which make one. */
function both(first: Fault, second: Fault): Fault {
  return (good, store) => {
    const halfway = { ...good, ...first(good, store) };
    return { ...halfway, ...second(halfway, store) };
  };
}

/** All jobs that are stored, newest first. */
async function all(good: JobStorage): Promise<readonly JobRecord[]> {
  return (await good.list({}, 10_000)).jobs;
}

/** Deletes jobs by hand: they are not to be seen any more. */
function purges(
  condemned: (job: JobDetails, now: number, good: JobStorage) => boolean | Promise<boolean>,
): Fault {
  const gone = (store: Store): Set<string> => store.note("gone", () => new Set<string>());
  return both(views(({ id }, store) => gone(store).has(id) ? undefined : {}), (good, store) => ({
    async purge(retention, max) {
      let count = await good.purge(retention, max);
      const now = await good.now();
      for (const { id } of await all(good)) {
        const job = await good.get(id);
        if (!job || !isOver(job) || !await condemned(job, now, good)) continue;
        const kept = retention[job.state as "failed"];
        if (job.createdAt + kept > now) continue;
        gone(store).add(id);
        count++;
      }
      return count;
    },
  }));
}

/** Another cursor over the jobs that a filter leaves, newest first. */
function pages(
  rest: (jobs: readonly JobRecord[], after: string) => readonly JobRecord[],
  cursorOf: (job: JobRecord, index: number) => string,
): Fault {
  return (good) => ({
    async list(filter, limit, after) {
      const { jobs } = await good.list(filter, 10_000);
      const left = after === undefined ? jobs : rest(jobs, after);
      const page = left.slice(0, limit);
      const last = page.at(-1);
      return left.length > limit && last
        ? { jobs: page, next: cursorOf(last, jobs.indexOf(last)) }
        : { jobs: page };
    },
  });
}

/** A storage whose listeners hear only some of the wakes. */
function hears(isHeard: (queue: string | undefined, store: Store) => boolean): Fault {
  return (good, store) => ({
    onWake: (listener) =>
      good.onWake((queue) => {
        if (isHeard(queue, store)) listener(queue);
      }),
  });
}

/** A call of which nobody who waits is told. */
function silent(member: "pause" | "settle" | "cancel" | "requeue" | "add"): Fault {
  return both(hears((_, store) => !store.notes.get("silent")), (good, store) => ({
    async [member](...values: unknown[]) {
      store.notes.set("silent", true);
      try {
        return await (good[member] as (...values: unknown[]) => Promise<unknown>)(...values);
      } finally {
        await Promise.resolve();
        store.notes.set("silent", false);
      }
    },
  }));
}

/** The way to an engine and back: others may come in between. */
const trip = ({ clock }: Store): Promise<void> =>
  new Promise((resolve) => clock.setTimeout(resolve, 1));

const table: readonly {
  readonly fault: string;
  readonly plant: Fault;
  readonly foundBy: string;
}[] = [
  // Adds.
  {
    fault: "forgets the headers",
    plant: adds(() => ({ headers: {} })),
    foundBy: "a job is stored with all that it has",
  },
  {
    fault: "gives null for what is not set",
    plant: views(({ key = null, result = null, server = null }) => ({ key, result, server })),
    foundBy: "a job without a parent or a delay is enqueued, with as little as it may have",
  },
  {
    fault: "has more jobs in one call than its engine takes parameters",
    plant: (good) => ({
      add: async (jobs, own) => {
        if (jobs.length > 999) throw new Error("Too many parameters");
        return await good.add(jobs, own);
      },
    }),
    foundBy: "many jobs are added in one call, and answered in their order",
  },
  {
    fault: "makes a statement without a row of no job",
    plant: (good) => ({
      add: async (jobs, own) => {
        if (jobs.length === 0) throw new Error('Syntax error at or near ";"');
        return await good.add(jobs, own);
      },
    }),
    foundBy: "an add of no job stores none",
  },
  {
    fault: "rejects with its engine's error where an id is stored",
    plant: (good) => ({
      async add(jobs, own) {
        const added = await good.add(jobs, own);
        jobs.forEach((it, index) => {
          const { id, added: isNew } = added[index] ?? it as never;
          if (!isNew && id === it.id) throw new Error("Duplicate key value");
        });
        return added;
      },
    }),
    foundBy: "a job whose id is stored keeps out, and changes nothing",
  },
  {
    fault: "lets a job take the place of one that has ended",
    plant: (good) => ({
      async add(jobs, own) {
        const old = await Promise.all(jobs.map(({ id }) => good.get(id)));
        await good.requeue(old.flatMap((it) => it && isOver(it) ? [it.id] : []));
        return await good.add(jobs, own);
      },
    }),
    foundBy: "a job that has ended keeps its id",
  },
  {
    fault: "looks whether there is such a job, and stores it then",
    plant: (good, store) => ({
      async add(jobs, own) {
        const found = await Promise.all(jobs.map(({ id }) => good.get(id)));
        await trip(store);
        const added = await good.add(jobs, own);
        return added.map((it, index) => found[index] ? it : { ...it, added: true });
      },
    }),
    foundBy: "of jobs with one id that are added at the same time one is stored",
  },
  {
    fault: "stores the jobs of a call one after the other",
    plant: (good) => ({
      async add(jobs, own) {
        const added = [];
        for (const job of jobs) added.push(...await good.add([job], own));
        return added;
      },
    }),
    foundBy: "a parent that is not stored is an error, and no job of the call is stored",
  },
  {
    fault: "rejects with an error of its own for a parent that is not stored",
    plant: (good) => ({
      add: (jobs, own) =>
        good.add(jobs, own).catch(() => {
          throw new Error("Violates a foreign key constraint");
        }),
    }),
    foundBy: "a parent that is not stored is an error, and no job of the call is stored",
  },
  {
    fault: "leaves out parents that are not stored",
    plant: (good, { memory }) => ({
      async add(jobs, own) {
        const known = new Set((await all(memory)).map(({ id }) => id));
        return await good.add(
          jobs.map((it) => {
            const parents = it.parents.filter((id) => known.has(id));
            known.add(it.id);
            return { ...it, parents };
          }),
          own,
        );
      },
    }),
    foundBy: "a parent may stand in front of its child in one call, not behind",
  },
  {
    fault: "takes a job that was kept out for a parent",
    plant: (good, { memory }) => ({
      async add(jobs, own) {
        const ids = new Set(jobs.map(({ id }) => id));
        try {
          return await good.add(jobs, own);
        } catch (error) {
          const { parent } = error as { parent?: string };
          if (!ids.has(parent as string)) throw error;
          const first = jobs.findIndex((it) => it.id === parent);
          const later = jobs.findIndex((it) => it.parents.includes(parent as string));
          if (first < 0 || first >= later) throw error;
          return await memory.add(jobs.map((it) => ({ ...it, parents: [] })));
        }
      },
    }),
    foundBy: "a job that its key has kept out is nobody's parent",
  },
  {
    fault: "gives parents in the order of their ids",
    plant: views(({ parents }) => ({ parents: [...parents].sort() })),
    foundBy: "parents are kept in their order, and children are known to each of them",
  },
  {
    fault: "knows the children of a job's first parent alone",
    plant: (good) => ({
      async get(id) {
        const job = await good.get(id);
        if (!job) return job;
        const children = [];
        for (const child of job.children) {
          if ((await good.get(child))?.parents[0] === id) children.push(child);
        }
        return { ...job, children };
      },
    }),
    foundBy: "parents are kept in their order, and children are known to each of them",
  },
  {
    fault: "never lets a child go on whose parents have ended before",
    plant: both(
      (good) => ({
        async add(jobs, own) {
          const never = { ...jobs[0] as NewJob, id: "~", queue: "~", name: "~", parents: [] };
          const late = [];
          for (const job of jobs) {
            const parents = await Promise.all(job.parents.map((it) => good.get(it)));
            const over = parents.length > 0 && parents.every((it) => it && isOver(it));
            late.push(over ? { ...job, parents: [...job.parents, "~"] } : job);
          }
          if (late.some((it) => it.parents.includes("~"))) {
            await good.add([{ ...never, key: undefined }]);
          }
          return await good.add(late, own);
        },
      }),
      views(({ id, parents }) =>
        id === "~" ? undefined : ({
          parents: parents.filter((it) => it !== "~"),
        })
      ),
    ),
    foundBy: "a child of parents that have ended already need not wait for them",
  },
  {
    fault: "takes what is due later",
    plant: (good) => ({
      async take(options) {
        const { jobs } = await good.list({ state: "scheduled", queue: options.queue }, 1_000);
        await good.requeue(jobs.map(({ id }) => id));
        return await good.take(options);
      },
    }),
    foundBy: "a job with a delay is scheduled until that is over",
  },
  {
    fault: "takes the time at which a job is due for a delay",
    plant: adds(({ at, delay }) => ({ at: undefined, delay: at ?? delay })),
    foundBy: "a job may have a time at which it is due",
  },
  {
    fault: "lets a child go on before its parents have ended",
    plant: adds(() => ({ parents: [] })),
    foundBy: "a job that awaits another is not taken, though it is due",
  },
  {
    fault: "lets a child run at once when its parents have ended",
    plant: adds(({ parents, delay }) => ({ delay: parents.length > 0 ? 0 : delay })),
    foundBy: "a child that is due later is scheduled when its parents have ended",
  },
  {
    fault: "keeps inputs as its engine's own JSON, and writes them anew",
    plant: adds(({ input }) => ({ input: JSON.stringify(JSON.parse(input)) })),
    foundBy: "texts of JSON come back as they were given, a long one, too",
  },
  {
    fault: "puts texts into its statements",
    plant: (good) => ({
      take(options) {
        if (options.queue.includes("'")) throw new Error("Unterminated string");
        return good.take(options);
      },
    }),
    foundBy: "ids, names, queues, keys, headers, errors and servers may be any text",
  },
  {
    fault: "keeps the errors of jobs shorter than they are",
    plant: views(({ error }) => ({ error: error?.slice(0, 8) })),
    foundBy: "a job that has failed keeps its error",
  },
  {
    fault: "ends errors at a NUL",
    plant: views(({ error }) => ({ error: error?.split("\0", 1)[0] })),
    foundBy:
      "keys, errors and lines of a log do not end at a NUL, nor at half a pair of surrogates",
  },
  {
    fault: "compares keys in lower case",
    plant: adds(({ key }) => ({ key: key?.toLowerCase() })),
    foundBy: "ids, names, queues and keys that differ in their case are different",
  },
  // Keys.
  {
    fault: "has one key for jobs of all names",
    plant: (good) => ({
      async add(jobs, own) {
        const added = [];
        for (const job of jobs) {
          const rival = (await all(good)).find((it) =>
            job.key !== undefined && it.key === job.key && !isOver(it)
          );
          if (rival) added.push({ id: rival.id, added: false });
          else added.push(...await good.add([job], own));
        }
        return added;
      },
    }),
    foundBy: "a key keeps others of the name away, and no other name",
  },
  {
    fault: "looks for a key in the same queue alone",
    plant: (good) => ({
      async add(jobs, own) {
        const added = [];
        for (const job of jobs) {
          const [answer] = await good.add([job], own);
          const rival = await good.get(answer?.id as string);
          if (rival && rival.queue !== job.queue) {
            added.push(...await good.add([{ ...job, key: undefined }], own));
          } else if (answer) added.push(answer);
        }
        return added;
      },
    }),
    foundBy: "a key keeps others of the name away, and no other name",
  },
  {
    fault: "looks for a key, and stores the job then",
    plant: (good, store) => ({
      async add(jobs, own) {
        const stored = await all(good);
        await trip(store);
        return await good.add(
          jobs.map((it) => ({
            ...it,
            key: stored.some(({ key }) => key === it.key) ? it.key : undefined,
          })),
          own,
        );
      },
    }),
    foundBy: "of jobs with one key that are added at the same time one is stored",
  },
  {
    fault: "frees no key at the start",
    plant: adds(() => ({ keyUntil: "ended" })),
    foundBy: "a key until started is free with the first take",
  },
  {
    fault: "frees each key at the start",
    plant: adds(() => ({ keyUntil: "started" })),
    foundBy: "a key until ended is kept while the job runs, and while it waits for a retry",
  },
  {
    fault: "frees no key of a job that has failed",
    plant: (good) => ({
      async add(jobs, own) {
        const failed = (await good.list({ state: "failed" }, 1_000)).jobs;
        const rival = failed.find((it) => it.key !== undefined && it.key === jobs[0]?.key);
        return rival ? [{ id: rival.id, added: false }] : await good.add(jobs, own);
      },
    }),
    foundBy: "a key until ended is free with each kind of end",
  },
  {
    fault: "frees no key of a job that was cancelled before it ran",
    plant: (good) => ({
      async add(jobs, own) {
        const gone = (await good.list({ state: "cancelled" }, 1_000)).jobs;
        const kept = jobs.flatMap(({ key }) =>
          gone.filter((it) => key !== undefined && it.key === key && it.attempts.length === 0)
        );
        if (kept.length === 0) return await good.add(jobs, own);
        return kept.map(({ id }) => ({ id, added: false }));
      },
    }),
    foundBy: "a key is free when a job is cancelled that waits",
  },
  ...(["enqueued", "scheduled"] as const).map((state) => ({
    fault: `gives no key back to a job that is ${state} again`,
    plant: ((good, store) => {
      const keyless = store.note("keyless", () => new Set<string>());
      return {
        async settle(hold, settlement) {
          if (settlement.state === state) keyless.add(hold.id);
          return await good.settle(hold, settlement);
        },
        async add(jobs, own) {
          const added = await good.add(jobs, own);
          if (!added[0] || added[0].added || !keyless.has(added[0].id)) return added;
          return await good.add(jobs.map((it) => ({ ...it, key: undefined })), own);
        },
      };
    }) as Fault,
    foundBy: state === "enqueued"
      ? "a job that was interrupted has its key again"
      : "a job that is tried again has its key again",
  })),
  {
    fault: "answers with the oldest of those that have a key",
    plant: (good) => ({
      async add(jobs, own) {
        const added = await good.add(jobs, own);
        const stored = [...await all(good)].reverse();
        return added.map((it, index) => {
          const { key, name } = jobs[index] as NewJob;
          if (it.added || it.id === jobs[index]?.id) return it;
          const oldest = stored.find((of) => of.key === key && of.name === name && !isOver(of));
          return { id: oldest?.id ?? it.id, added: false };
        });
      },
    }),
    foundBy: "a job that is tried again leaves its key to whoever has it meanwhile",
  },
  // Takes.
  {
    fault: "gives jobs as they were before they were taken",
    plant: (good) => ({
      async take(options) {
        const { jobs, dueIn } = await good.take(options);
        return { jobs: jobs.map((it) => ({ ...it, state: "enqueued" as const })), dueIn };
      },
    }),
    foundBy: "a job that is taken is processing, and held by the server",
  },
  {
    fault: "takes from any queue",
    plant: (good) => ({
      async take(options) {
        const taken = await good.take(options);
        if (taken.jobs.length > 0) return taken;
        const [job] = (await good.list({ state: "enqueued", job: options.names[0] }, 1)).jobs;
        return job ? await good.take({ ...options, queue: job.queue }) : taken;
      },
    }),
    foundBy: "take() gives nothing where there is nothing",
  },
  {
    fault: "ignores priorities",
    plant: both(
      adds(({ id, priority }, store) => {
        store.note("priorities", () => new Map<string, number>()).set(id, priority);
        return { priority: 0 };
      }),
      views(({ id }, store) => ({
        priority: store.note("priorities", () => new Map<string, number>()).get(id) ?? 0,
      })),
    ),
    foundBy: "jobs are taken by priority, then by when they are due, then by when they were added",
  },
  {
    fault: "takes the newest first",
    plant: (good) => ({
      async take(options) {
        const { jobs } = await good.list({ state: "enqueued", queue: options.queue }, 1);
        const taken = await good.take({ ...options, max: 1_000 });
        const newest = [...taken.jobs].reverse();
        for (const it of newest.slice(options.max)) await good.settle(it, { state: "enqueued" });
        return { ...taken, jobs: newest.slice(0, jobs.length * options.max) };
      },
    }),
    foundBy: "jobs are taken by priority, then by when they are due, then by when they were added",
  },
  {
    fault: "takes more than it is asked for",
    plant: (good) => ({ take: (options) => good.take({ ...options, max: options.max + 1 }) }),
    foundBy: "take() gives max jobs at most, and a taken one to nobody else",
  },
  {
    fault: "ignores names",
    plant: (good) => ({
      async take(options) {
        const known = (await all(good)).map(({ name }) => name);
        return await good.take({ ...options, names: [...options.names, ...known] });
      },
    }),
    foundBy: "a server gets only jobs whose names it knows",
  },
  {
    fault: "takes what it has looked for before",
    plant: (good, store) => ({
      async take(options) {
        const before = store.notes.get("taking") as ReturnType<JobStorage["take"]> | undefined;
        if (before) return await before;
        const taking = good.take(options);
        store.notes.set("taking", taking);
        await trip(store);
        store.notes.delete("taking");
        return await taking;
      },
    }),
    foundBy: "many servers that take at the same time never share a job, and leave none",
  },
  {
    fault: "has the same token for each take",
    plant: (good, store) => ({
      async take(options) {
        const taken = await good.take(options);
        return { ...taken, jobs: taken.jobs.map((it) => ({ ...it, token: 1 })) };
      },
      settle: (hold, settlement) => good.settle(store.current(hold), settlement),
    }),
    foundBy: "each take of a job is another attempt with another token",
  },
  {
    fault: "looks for the next due time among the names of the server",
    plant: (good) => ({
      async take(options) {
        const { jobs } = await good.take(options);
        const later = (await good.list({ state: "scheduled", queue: options.queue }, 1_000)).jobs;
        const dues = later.filter((it) => options.names.includes(it.name)).map((it) => it.dueAt);
        const now = await good.now();
        return dues.length > 0 ? { jobs, dueIn: Math.min(...dues) - now } : { jobs };
      },
    }),
    foundBy: "take() tells when the next job is due, whatever its name",
  },
  {
    fault: "tells of a due time that has passed",
    plant: (good) => ({ take: async (options) => ({ dueIn: 0, ...await good.take(options) }) }),
    foundBy: "take() tells of no due time where no job is scheduled",
  },
  {
    fault: "lets a retry run at once",
    plant: (good) => ({
      settle: (hold, settlement) =>
        good.settle(hold, "delay" in settlement ? { ...settlement, delay: 0 } : settlement),
    }),
    foundBy: "a retry is taken when its delay is over, not before",
  },
  {
    fault: "takes from paused queues",
    plant: (good) => ({
      async take(options) {
        const { queue } = options;
        const isPaused = (await good.queues()).some((it) => it.queue === queue && it.paused);
        if (isPaused) await good.pause(queue, false);
        const taken = await good.take(options);
        if (isPaused) await good.pause(queue, true);
        return taken;
      },
    }),
    foundBy: "a paused queue gives nothing, and tells of no due time; others go on",
  },
  {
    fault: "tells of due times of a paused queue",
    plant: (good) => ({
      async take(options) {
        const taken = await good.take(options);
        const [late] = (await good.list({ state: "scheduled", queue: options.queue }, 1)).jobs;
        return late ? { dueIn: late.dueAt - await good.now(), ...taken } : taken;
      },
    }),
    foundBy: "a paused queue gives nothing, and tells of no due time; others go on",
  },
  {
    fault: "pauses a queue for its own process",
    plant: (good) => {
      const paused = new Set<string>();
      return {
        pause: async (queue, isPaused) =>
          void (isPaused ? paused.add(queue) : paused.delete(queue)),
        take: async (options) =>
          paused.has(options.queue) ? { jobs: [] } : await good.take(options),
      };
    },
    foundBy: "a pause holds for all that have opened the store, and whoever comes later",
  },
  {
    fault: "settles nothing in a paused queue",
    plant: (good) => ({
      async settle(hold, settlement) {
        const queue = (await good.get(hold.id))?.queue;
        const isPaused = (await good.queues()).some((it) => it.queue === queue && it.paused);
        return isPaused ? false : await good.settle(hold, settlement);
      },
    }),
    foundBy: "jobs can be added, settled and cancelled while their queue is paused",
  },
  // Holds.
  {
    fault: "answers for the holds that stand alone",
    plant: (good) => ({
      extend: async (holds, ms) => (await good.extend(holds, ms)).filter((it) => it !== "lost"),
    }),
    foundBy: "extend() answers for each hold, in their order",
  },
  {
    fault: "says of a job that is to end that it is held",
    plant: (good) => ({
      extend: async (holds, ms) =>
        (await good.extend(holds, ms)).map((it) => it === "lost" ? it : "held"),
    }),
    foundBy: "extend() answers for each hold, in their order",
  },
  {
    fault: "never shortens a hold",
    plant: (good) => ({
      extend: (holds, ms) => good.extend(holds, Math.max(ms, 60_000)),
    }),
    foundBy: "extend() makes a hold last from then on, longer or shorter",
  },
  {
    fault: "extends whatever hold there is on a job",
    plant: (good, store) => ({
      extend: (holds, ms) => good.extend(holds.map((it) => store.current(it)), ms),
    }),
    foundBy: "extend() of what is lost leaves the hold of another as it is",
  },
  {
    fault: "extends a hold that has run out",
    plant: (good) => ({
      async extend(holds, ms) {
        const over = await good.expired(["job"], 1_000);
        const states = await good.extend(holds, ms);
        return states.map((it, index) => {
          const { id, token } = holds[index] as Hold;
          return over.some((job) => job.id === id && job.token === token) ? "held" : it;
        });
      },
    }),
    foundBy: "a hold that has run out is not extended, though nobody has settled it",
  },
  {
    fault: "gives jobs whose hold has not run out",
    plant: (good, { tokens }) => ({
      async expired(names, max) {
        const held = (await good.list({ state: "processing" }, 1_000)).jobs;
        return held.filter((it) => names.includes(it.name)).slice(0, max).map((it) => ({
          ...it,
          token: tokens.get(it.id) as number,
        }));
      },
    }),
    foundBy: "what has not run out is not expired, nor is what is not held any more",
  },
  {
    fault: "does not count the attempt of an expired hold",
    plant: (good) => ({
      expired: async (names, max) =>
        (await good.expired(names, max)).map((it) => ({ ...it, attempt: it.attempt - 1 })),
    }),
    foundBy: "expired() gives jobs as they are held, of the names that are meant, and max at most",
  },
  {
    fault: "gives expired holds of names that nobody asked for",
    plant: (good) => ({
      async expired(names, max) {
        const known = (await all(good)).map(({ name }) => name);
        return await good.expired([...names, ...known], max);
      },
    }),
    foundBy: "expired() gives jobs as they are held, of the names that are meant, and max at most",
  },
  {
    fault: "lets anybody take a job whose hold has run out",
    plant: (good) => ({
      async take(options) {
        for (const it of await good.expired(options.names, 100)) {
          await good.settle(it, { state: "scheduled", delay: 0, error: "Its server is gone" });
        }
        return await good.take(options);
      },
    }),
    foundBy: "a job whose hold has run out is taken by nobody before that is settled",
  },
  {
    fault: "puts expired jobs back itself when it gives them",
    plant: (good) => ({
      async expired(names, max) {
        const jobs = await good.expired(names, max);
        for (const it of jobs) await good.settle(it, { state: "enqueued" });
        return jobs;
      },
    }),
    foundBy: "whoever sees an expired hold settles it, and then the first has lost it",
  },
  {
    fault: "settles by the id alone",
    plant: (good, store) => ({
      settle: (hold, settlement) => good.settle(store.current(hold), settlement),
    }),
    foundBy: "the first holder can do nothing to the job in the hands of the next",
  },
  {
    fault: "notes by the id alone",
    plant: (good, store) => ({ note: (hold, note) => good.note(store.current(hold), note) }),
    foundBy: "the first holder can do nothing to the job in the hands of the next",
  },
  {
    fault: "forgets the request to end with the hold",
    plant: (good) => ({
      expired: async (names, max) =>
        (await good.expired(names, max)).map((it) => ({ ...it, cancelRequested: false })),
    }),
    foundBy: "an expired hold that was asked to end can be seen as that",
  },
  {
    fault: "forgets the progress when lines come",
    plant: (good) => ({
      note: (hold, note) => good.note(hold, { progress: "null", ...note }),
    }),
    foundBy: "progress is what was said last, and stays when only lines come",
  },
  {
    fault: "gives lines by their time",
    plant: views(({ log }) => log ? { log: [...log].sort((a, b) => a.at - b.at) } : {}),
    foundBy: "a log keeps its order, and the times of the server",
  },
  {
    fault: "keeps the first lines of a log",
    plant: (good, store) => ({
      async note(hold, note) {
        const lines = store.note(`log ${hold.id}`, () => [] as unknown[]);
        const log = note.log?.slice(0, Math.max(0, 1_000 - lines.length));
        lines.push(...log ?? []);
        await good.note(hold, { ...note, log });
      },
    }),
    foundBy: "a log keeps its last 1000 lines",
  },
  {
    fault: "notes what is said of a job that has ended",
    plant: both(
      (good, store) => ({
        async note(hold, note) {
          await good.note(hold, note);
          if (note.progress !== undefined) store.notes.set(`progress ${hold.id}`, note.progress);
        },
      }),
      views(({ id }, store) => {
        const progress = store.notes.get(`progress ${id}`);
        return progress === undefined ? {} : { progress };
      }),
    ),
    foundBy: "nothing is noted where nothing is held",
  },
  // Ends.
  {
    fault: "forgets results",
    plant: views(() => ({ result: undefined })),
    foundBy: "a job that has succeeded keeps its result",
  },
  {
    fault: "forgets what was wrong with a result",
    plant: views(({ state, error }) => ({ error: state === "succeeded" ? undefined : error })),
    foundBy: "a job that has succeeded may say what was wrong with its result",
  },
  {
    fault: "forgets the error of what is tried again",
    plant: views(({ state, error }) => ({ error: state === "scheduled" ? undefined : error })),
    foundBy: "a job that is tried again waits for its delay, and keeps its error",
  },
  {
    fault: "counts an attempt that was interrupted",
    plant: (good) => ({
      settle: (hold, settlement) =>
        good.settle(
          hold,
          settlement.state === "enqueued"
            ? { state: "scheduled", delay: 0, error: "It was interrupted" }
            : settlement,
        ),
    }),
    foundBy: "a job that was interrupted is enqueued, and its attempt does not count",
  },
  {
    fault: "keeps the record of the last attempt alone",
    plant: views(({ attempts }) => ({ attempts: attempts.slice(-1) })),
    foundBy: "each attempt leaves a record, with its number, times, server and error",
  },
  {
    fault: "keeps the records of fewer attempts",
    plant: views(({ attempts }) => ({ attempts: attempts.slice(-49) })),
    foundBy: "a job keeps the records of its last 50 attempts",
  },
  {
    fault: "takes a second settlement for the first",
    plant: (good) => ({
      async settle(hold, settlement) {
        const state = await good.settle(hold, settlement);
        return state || (await good.get(hold.id))?.state || false;
      },
    }),
    foundBy: "a hold is settled once",
  },
  {
    fault: "looks at a hold, and settles it then",
    plant: (good, store) => ({
      async settle(hold, settlement) {
        const job = await good.get(hold.id);
        if (job?.state !== "processing") return false;
        await trip(store);
        return await good.settle(hold, settlement) || settlement.state;
      },
    }),
    foundBy: "of many that settle a hold at the same time one does",
  },
  {
    fault: "settles what nobody has taken",
    plant: (good) => ({
      async settle(hold, settlement) {
        const state = await good.settle(hold, settlement);
        const job = await good.get(hold.id);
        if (state !== false || job?.state !== "enqueued") return state;
        await good.cancel([hold.id]);
        return "cancelled";
      },
    }),
    foundBy: "what nobody holds is not settled",
  },
  {
    fault: "keeps the error of an earlier attempt when a job has succeeded",
    plant: views(({ attempts, error }) => ({
      error: error ?? [...attempts].reverse().find((it) => it.error !== undefined)?.error,
    })),
    foundBy: "a retry that has succeeded has no error any more",
  },
  {
    fault: "never lets a child go on",
    plant: both(
      (good) => ({
        async add(jobs, own) {
          const first = jobs.find((it) => it.parents.length > 0);
          if (!first) return await good.add(jobs, own);
          const never = { ...first, id: "~", queue: "~", name: "~", key: undefined, parents: [] };
          await good.add([never]);
          return await good.add(
            jobs.map((it) => it.parents.length > 0 ? { ...it, parents: [...it.parents, "~"] } : it),
            own,
          );
        },
      }),
      views(({ id, parents }) =>
        id === "~" ? undefined : ({
          parents: parents.filter((it) => it !== "~"),
        })
      ),
    ),
    foundBy: "children are released when their parent has succeeded, or ended, as they want it",
  },
  {
    fault: "lets children go on when their parent has failed",
    plant: both(
      adds(({ id, parentsOn }, store) => {
        store.note("on", () => new Map<string, string>()).set(id, parentsOn);
        return { parentsOn: "ended" };
      }),
      views(({ id, parentsOn }, store) => ({
        parentsOn: store.note("on", () => new Map<string, string>()).get(id) ?? parentsOn,
      })),
    ),
    foundBy: "children are released when their parent has succeeded, or ended, as they want it",
  },
  {
    fault: "lets children go on when their parent is tried again",
    plant: views(({ state, parents }) =>
      state === "awaiting" && parents.length === 1 ? { state: "enqueued" } : {}
    ),
    foundBy: "a retry or an interruption of a parent releases nobody",
  },
  {
    fault: "lets a child go on with the first of its parents",
    plant: adds(({ parents }) => ({ parents: parents.slice(0, 1) })),
    foundBy: "a job with several parents waits for all of them",
  },
  {
    fault: "lets a child wait for the parent that is added last alone",
    plant: both(
      adds(({ id, parents }, store) => {
        store.note("parents", () => new Map<string, readonly string[]>()).set(id, parents);
        return { parents: parents.slice(-1) };
      }),
      views(({ id, parents }, store) => ({
        parents: store.note("parents", () => new Map<string, readonly string[]>()).get(id) ??
          parents,
      })),
    ),
    foundBy: "a job with several parents waits for all of them",
  },
  {
    fault: "reads the parents of a child before they are settled",
    plant: both(
      (good, store) => ({
        async settle(hold, settlement) {
          const racing = store.note("racing", () => ({ now: 0, missed: new Set<string>() }));
          const children = (await good.get(hold.id))?.children ?? [];
          racing.now++;
          await trip(store);
          // Each of the two saw the other in hands.
          if (racing.now > 1) {
            for (const id of children) {
              if (((await good.get(id))?.parents.length ?? 0) > 1) racing.missed.add(id);
            }
          }
          const state = await good.settle(hold, settlement);
          racing.now--;
          return state;
        },
      }),
      views(({ id }, store) => {
        const { missed } = store.note("racing", () => ({ now: 0, missed: new Set<string>() }));
        return missed.has(id) ? { state: "awaiting" } : {};
      }),
    ),
    foundBy: "parents that end at the same time release their child, and each other's too",
  },
  {
    fault: "reads the state of a parent, and adds its child then",
    plant: both(
      (good, store) => ({
        async add(jobs, own) {
          const held = [];
          for (const it of jobs) {
            const [parent] = it.parents;
            if (parent && (await good.get(parent))?.state === "processing") held.push(it);
          }
          await trip(store);
          const late = store.note("late", () => new Set<string>());
          for (const it of held) {
            const parent = await good.get(it.parents[0] as string);
            if (parent && isOver(parent)) late.add(it.id);
          }
          return await good.add(jobs, own);
        },
      }),
      views(({ id }, store) =>
        store.note("late", () => new Set<string>()).has(id) ? { state: "awaiting" } : {}
      ),
    ),
    foundBy: "a child that is added while its parent ends does not wait for ever",
  },
  {
    fault: "cancels what awaits a job that has failed",
    plant: (good) => ({
      async settle(hold, settlement) {
        const state = await good.settle(hold, settlement);
        if (state !== "failed") return state;
        for (const id of (await good.get(hold.id))?.children ?? []) {
          const child = await good.get(id);
          if (child?.state === "awaiting" && child.parentsOn === "succeeded") {
            await good.cancel([id]);
          }
        }
        return state;
      },
    }),
    foundBy: "a failed parent that is queued again and succeeds releases those that have waited",
  },
  {
    fault: "lets a child wait again when its parent is queued again",
    plant: both(
      (good, store) => ({
        async requeue(ids) {
          const again = store.note("again", () => new Set<string>());
          for (const id of ids) {
            for (const child of (await good.get(id))?.children ?? []) again.add(child);
          }
          return await good.requeue(ids);
        },
      }),
      views(({ id, state }, store) =>
        state === "enqueued" && store.note("again", () => new Set<string>()).has(id)
          ? { state: "awaiting" }
          : {}
      ),
    ),
    foundBy: "a child that was released stays so, whatever becomes of its parent",
  },
  // Cancels and requeues.
  {
    fault: "cancels what awaits others when its time comes",
    plant: (good) => ({
      async cancel(ids) {
        const jobs = await Promise.all(ids.map((id) => good.get(id)));
        return await good.cancel(ids.filter((_, index) => jobs[index]?.state !== "awaiting"));
      },
    }),
    foundBy: "a job that waits is cancelled at once",
  },
  {
    fault: "ends a job in hands at once",
    plant: (good, store) => ({
      async cancel(ids) {
        const cancelled = await good.cancel(ids);
        for (const id of cancelled) {
          await good.settle(store.current({ id, token: 0 }), { state: "enqueued" });
        }
        return cancelled;
      },
    }),
    foundBy: "a job in hands is asked to end, and goes on until it is settled",
  },
  ...([["what is done"], ["what is tried again", "scheduled", "enqueued"]] as const).map((
    [what, ...states],
  ) => ({
    fault: `forgets a cancel that was stored before the settlement of ${what}`,
    plant: both(
      ((good, store) => ({
        async cancel(ids) {
          const asked = store.note("asked", () => new Set<string>());
          const cancelled = [];
          for (const id of ids) {
            if ((await good.get(id))?.state === "processing") {
              asked.add(id);
              cancelled.push(id);
            } else cancelled.push(...await good.cancel([id]));
          }
          return cancelled;
        },
        async settle(hold, settlement) {
          const asked = store.note("asked", () => new Set<string>());
          const isForgotten = states.length > 0
            ? (states as readonly string[]).includes(settlement.state)
            : settlement.state === "succeeded";
          if (asked.delete(hold.id) && !isForgotten) await good.cancel([hold.id]);
          return await good.settle(hold, settlement);
        },
        async cancelRequests(server) {
          const mine = [];
          for (const id of store.note("asked", () => new Set<string>())) {
            if ((await good.get(id))?.server === server) mine.push(id);
          }
          return mine;
        },
      })) as Fault,
      views(({ id }, store) => ({
        cancelRequested: store.note("asked", () => new Set<string>()).has(id),
      })),
    ),
    foundBy: "a cancel that was stored before the settlement wins, whatever that says",
  })),
  {
    fault: "answers with the state that was wanted",
    plant: (good) => ({
      settle: async (hold, settlement) => await good.settle(hold, settlement) && settlement.state,
    }),
    foundBy: "a cancel and a settlement at the same time leave no job between them",
  },
  {
    fault: "says that it has cancelled what has ended",
    plant: (good) => ({
      async cancel(ids) {
        await good.cancel(ids);
        return ids;
      },
    }),
    foundBy: "what has ended, or is unknown, is not cancelled",
  },
  ...[1, 20].map((depth) => ({
    fault: `cancels ${depth} of those that come after another`,
    plant: both(
      ((good, store) => ({
        async cancel(ids) {
          const asked = store.note("asked", () => new Set<string>());
          const cancelled = await good.cancel(ids);
          for (const id of cancelled) asked.add(id);
          return cancelled;
        },
        async get(id) {
          const asked = store.note("asked", () => new Set<string>());
          const far = async (of: string): Promise<number> => {
            if (asked.has(of)) return 0;
            const { parents } = await good.get(of) as JobDetails;
            for (const it of parents) {
              if ((await good.get(it))?.state === "cancelled") return 1 + await far(it);
            }
            return 0;
          };
          const job = await good.get(id);
          if (job?.state !== "cancelled" || await far(id) <= depth) return job;
          return { ...job, state: "awaiting", endedAt: undefined };
        },
        async list(filter, limit, after) {
          const page = await good.list(filter, limit, after);
          return depth > 1 && filter.state === "cancelled"
            ? { ...page, jobs: page.jobs.slice(0, depth + 1) }
            : page;
        },
      })) as Fault,
      () => ({}),
    ),
    foundBy: depth === 1
      ? "a cancelled job cancels those that come after it on success, and so on"
      : "a long row of jobs is cancelled with its first",
  })),
  {
    fault: "tells each server of all that are to end",
    plant: (good) => ({
      cancelRequests: async () =>
        (await all(good)).flatMap((it) => it.cancelRequested ? [it.id] : []),
    }),
    foundBy: "a server is told which of its jobs are to end, until they have",
  },
  {
    fault: "locks rows in the order in which they are named",
    plant: (good, store) => ({
      async cancel(ids) {
        const lock = store.note("lock", () => ({ first: undefined as string | undefined }));
        const other = lock.first;
        lock.first ??= ids[0];
        await trip(store);
        lock.first = undefined;
        if (ids.length > 1 && other !== undefined && other !== ids[0]) {
          throw new Error("Deadlock detected");
        }
        return await good.cancel(ids);
      },
    }),
    foundBy: "calls for the same jobs in another order do not fail",
  },
  {
    fault: "counts the attempts of a job on that is queued again",
    plant: (good, store) => ({
      async requeue(ids) {
        for (const id of ids) {
          const job = await good.get(id);
          if (job && isOver(job)) store.notes.set(`attempts ${id}`, job.attempt);
        }
        return await good.requeue(ids);
      },
      async take(options) {
        const taken = await good.take(options);
        const jobs = taken.jobs.map((it) => ({
          ...it,
          attempt: it.attempt + (store.notes.get(`attempts ${it.id}`) as number ?? 0),
        }));
        return { ...taken, jobs };
      },
    }),
    foundBy: "what has ended is queued again, as if it had never run",
  },
  {
    fault: "deletes the records of the attempts of what is queued again",
    plant: both(
      (good, store) => ({
        async requeue(ids) {
          for (const id of ids) {
            store.notes.set(`records ${id}`, (await good.get(id))?.attempts.length);
          }
          return await good.requeue(ids);
        },
      }),
      views(({ id, attempts }, store) => ({
        attempts: attempts.slice(store.notes.get(`records ${id}`) as number ?? 0),
      })),
    ),
    foundBy: "attempts begin at 1 again, and the records of the old ones stay",
  },
  {
    fault: "queues what has ended again, and nothing that is scheduled",
    plant: (good) => ({
      async requeue(ids) {
        const jobs = await Promise.all(ids.map((id) => good.get(id)));
        return await good.requeue(ids.filter((_, index) => jobs[index]?.state !== "scheduled"));
      },
    }),
    foundBy: "what is scheduled runs at once, and its attempts go on",
  },
  {
    fault: "lets what is queued again wait for its parents",
    plant: (good) => ({
      async requeue(ids) {
        const jobs = await Promise.all(ids.map((id) => good.get(id)));
        return await good.requeue(ids.filter((_, index) => jobs[index]?.parents.length === 0));
      },
    }),
    foundBy: "what is queued again waits for none of its parents",
  },
  {
    fault: "says of what awaits others that it is queued again",
    plant: (good) => ({
      async requeue(ids) {
        const jobs = await Promise.all(ids.map((id) => good.get(id)));
        const waiting = ids.filter((_, index) => jobs[index]?.state === "awaiting");
        return [...await good.requeue(ids), ...waiting];
      },
    }),
    foundBy: "what awaits, is enqueued, in hands or unknown is not queued again",
  },
  {
    fault: "says that a job is queued again whose key another one has",
    plant: (good) => ({
      async requeue(ids) {
        await good.requeue(ids);
        const jobs = await Promise.all(ids.map((id) => good.get(id)));
        return ids.filter((_, index) => jobs[index] && isOver(jobs[index]) || jobs[index]);
      },
    }),
    foundBy: "a job whose key another one has is not queued again",
  },
  {
    fault: "gives no key back to what is queued again",
    plant: (good, store) => ({
      async requeue(ids) {
        const queued = await good.requeue(ids);
        for (const id of queued) store.notes.set(`keyless ${id}`, true);
        return queued;
      },
      async add(jobs, own) {
        const added = await good.add(jobs, own);
        if (!added[0] || added[0].added || !store.notes.has(`keyless ${added[0].id}`)) return added;
        return await good.add(jobs.map((it) => ({ ...it, key: undefined })), own);
      },
    }),
    foundBy: "a job that is queued again has its key again",
  },
  {
    fault: "looks at the keys of all that are to be queued again before the first is",
    plant: (good) => ({
      async requeue(ids) {
        const jobs = await Promise.all(ids.map((id) => good.get(id)));
        const queued = await good.requeue(ids);
        const over = ids.filter((_, index) => jobs[index] && isOver(jobs[index]));
        return ids.length > 1 ? over : queued;
      },
    }),
    foundBy: "of two jobs with one key that are queued again together one is",
  },
  // Lists.
  {
    fault: "gives the oldest first",
    plant: (good) => ({
      async list(filter, limit, after) {
        const { jobs, next } = await good.list(filter, limit, after);
        return { jobs: [...jobs].reverse(), next };
      },
    }),
    foundBy: "list() gives the newest first, each as get() gives it",
  },
  {
    fault: "has a cursor of a time, and skips jobs of the same moment",
    plant: pages(
      (jobs, after) => jobs.filter((it) => it.createdAt < Number(after)),
      ({ createdAt }) => `${createdAt}`,
    ),
    foundBy: "pages have each job once, though many are of the same moment",
  },
  {
    fault: "has a cursor of a time, and repeats jobs of the same moment",
    plant: pages(
      (jobs, after) => {
        const [time, id] = after.split(" ", 2);
        return jobs.filter((it) => it.createdAt <= Number(time) && it.id !== id);
      },
      ({ createdAt, id }) => `${createdAt} ${id}`,
    ),
    foundBy: "pages have each job once, though many are of the same moment",
  },
  {
    fault: "has a cursor of a time and an id, whose order is not that of the list",
    plant: pages(
      (jobs, after) => jobs.filter((it) => `${it.createdAt} ${it.id}` > after),
      ({ createdAt, id }) => `${createdAt} ${id}`,
    ),
    foundBy: "pages have each job once, though many are of the same moment",
  },
  {
    fault: "has a next page for each that is full",
    plant: (good) => ({
      async list(filter, limit, after) {
        if (after === "end") return { jobs: [], next: "end" };
        const { jobs, next } = await good.list(filter, limit, after);
        return { jobs, next: next ?? (jobs.length === limit ? "end" : undefined) };
      },
    }),
    foundBy: "pages have each job once, though many are of the same moment",
  },
  {
    fault: "has a cursor that counts what was seen",
    plant: pages((jobs, after) => jobs.slice(Number(after)), (_, index) => `${index + 1}`),
    foundBy: "jobs that leave the filter while its pages are read take none of the others along",
  },
  {
    fault: "has a cursor of a job, which may be gone",
    plant: pages(
      (jobs, after) => jobs.slice(jobs.findIndex(({ id }) => id === after) + 1),
      ({ id }) => id,
    ),
    foundBy: "pages have each job once, whatever is added, changed and deleted between them",
  },
  {
    fault: "looks for the first of several states alone",
    plant: (good) => ({
      list: (filter, limit, after) =>
        good.list(
          { ...filter, state: filter.state && [filter.state].flat().slice(0, 1) },
          limit,
          after,
        ),
    }),
    foundBy: "list() gives the jobs that all conditions of the filter meet",
  },
  {
    fault: "takes no state for any",
    plant: (good) => ({
      list: (filter, limit, after) =>
        good.list(
          { ...filter, state: filter.state?.length === 0 ? undefined : filter.state },
          limit,
          after,
        ),
    }),
    foundBy: "list() gives the jobs that all conditions of the filter meet",
  },
  {
    fault: "gives jobs that were made at the end of the span, too",
    plant: (good) => ({
      list: (filter, limit, after) =>
        good.list({ ...filter, to: filter.to && filter.to + 1 }, limit, after),
    }),
    foundBy: "list() begins from with the first millisecond, and ends before to",
  },
  {
    fault: "looks for upper and lower case apart",
    plant: (good) => ({
      async list(filter, limit, after) {
        const { search } = filter;
        const page = await good.list(filter, limit, after);
        if (search === undefined) return page;
        const jobs = page.jobs.filter((it) =>
          [it.id, it.name, it.key, it.input, it.error].some((text) => text?.includes(search))
        );
        return { ...page, jobs };
      },
    }),
    foundBy:
      "a search finds ids, names, keys, inputs and errors that contain it, in upper or lower case",
  },
  {
    fault: "takes a search for a pattern",
    plant: (good) => ({
      async list(filter, limit, after) {
        const { search, ...rest } = filter;
        if (search === undefined) return await good.list(filter, limit, after);
        const plain = search.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
        const like = new RegExp(plain.replaceAll("%", ".*").replaceAll("_", "."), "i");
        const { jobs } = await good.list(rest, 1_000);
        return {
          jobs: jobs.filter((it) =>
            [it.id, it.name, it.key, it.input, it.error].some((text) => like.test(text ?? ""))
          ),
        };
      },
    }),
    foundBy: "a search takes each of its characters for itself",
  },
  {
    fault: "lets a due job be scheduled until it is taken",
    plant: views(({ state, createdAt, dueAt }) =>
      state === "enqueued" && dueAt > createdAt ? { state: "scheduled" } : {}
    ),
    foundBy: "what is due counts as enqueued with the next take, whether or not that takes it",
  },
  {
    fault: "knows no queue that is paused and has no jobs",
    plant: (good) => ({
      queues: async () =>
        (await good.queues()).filter((it) => Object.values(it.counts).some((count) => count > 0)),
    }),
    foundBy: "queues() gives each queue that has jobs or is paused, by name",
  },
  {
    fault: "counts no job that waits for others",
    plant: (good) => ({
      queues: async () =>
        (await good.queues()).map((it) => ({ ...it, counts: { ...it.counts, awaiting: 0 } })),
    }),
    foundBy: "queues() counts the jobs in each state",
  },
  {
    fault: "takes the oldest of all jobs for that which waits",
    plant: (good) => ({
      async queues() {
        const oldest = (await all(good)).map((it) => it.dueAt);
        return (await good.queues()).map((it) => ({ ...it, oldestDueAt: Math.min(...oldest) }));
      },
    }),
    foundBy: "queues() tells since when the oldest of the enqueued could have run",
  },
  {
    fault: "counts what was deleted",
    plant: (good, store) => ({
      async purge(retention, max) {
        const count = await good.purge(retention, max);
        store.notes.set("deleted", (store.notes.get("deleted") as number ?? 0) + count);
        return count;
      },
      queues: async () =>
        (await good.queues()).map((it) => {
          const deleted = store.notes.get("deleted") as number ?? 0;
          return { ...it, counts: { ...it.counts, succeeded: it.counts.succeeded + deleted } };
        }),
    }),
    foundBy: "counts agree with the list, after whatever was done",
  },
  // Purges.
  {
    fault: "keeps all jobs for the same time",
    plant: (good) => ({
      purge: ({ succeeded }, max) =>
        good.purge({ succeeded, failed: succeeded, cancelled: succeeded }, max),
    }),
    foundBy: "jobs are kept after their end as long as their state is to be",
  },
  {
    fault: "counts from when a job was made",
    plant: purges((job) => job.children.length === 0),
    foundBy: "the time is counted from the end of a job, not from its begin",
  },
  {
    fault: "deletes what was to be queued again",
    plant: (good) => ({
      async purge(retention, max) {
        const retried = (await all(good)).filter((it) => it.attempts.length > 0 && !isOver(it));
        await good.cancel(retried.map(({ id }) => id));
        return await good.purge(retention, max);
      },
    }),
    foundBy: "what has not ended is never deleted",
  },
  {
    fault: "deletes a parent whose child is awaiting",
    plant: purges((job, now, good) =>
      Promise.all(job.children.map((it) => good.get(it)))
        .then((all) => (job.endedAt ?? now) <= now && all.some((it) => it?.state === "awaiting"))
    ),
    foundBy: "a parent is kept as long as a child of it is awaiting",
  },
  {
    fault: "deletes all at once",
    plant: (good) => ({ purge: (retention) => good.purge(retention, 1_000_000) }),
    foundBy: "purge() deletes max jobs at most, and tells how many",
  },
  {
    fault: "keeps the log of a job that was deleted",
    plant: both(
      (good, store) => ({
        async note(hold, note) {
          store.note(`log ${hold.id}`, () => [] as unknown[]).push(...note.log ?? []);
          await good.note(hold, note);
        },
      }),
      views(({ id, log }, store) =>
        log ? { log: store.note(`log ${id}`, () => [] as unknown[]).slice(-1_000) } : {}
      ),
    ),
    foundBy: "what was deleted is unknown: its id is free, and nothing comes after it",
  },
  // Recurring jobs.
  {
    fault: "forgets the time zone",
    plant: (good) => ({
      putRecurring: ({ timeZone: _, ...rest }) => good.putRecurring(rest),
    }),
    foundBy: "a recurring job is stored with all that it has, and given by id",
  },
  {
    fault: "counts an unchanged one from now",
    plant: (good) => ({
      async putRecurring(it) {
        if (await good.putRecurring(it)) return true;
        await good.putRecurring({ ...it, pattern: `${it.pattern} ` });
        await good.putRecurring(it);
        return false;
      },
    }),
    foundBy: "an unchanged one stays as it is, whenever it is due by the one who stores it again",
  },
  {
    fault: "takes another time for a change",
    plant: (good) => ({
      async putRecurring(it) {
        const before = (await good.recurring()).find(({ id }) => id === it.id);
        return await good.putRecurring(it) || before?.nextAt !== it.nextAt;
      },
    }),
    foundBy: "an unchanged one stays as it is, whenever it is due by the one who stores it again",
  },
  {
    fault: "sees no change of overlap and missed",
    plant: (good) => ({
      async putRecurring(it) {
        const before = (await good.recurring()).find(({ id }) => id === it.id);
        const { overlap = it.overlap, missed = it.missed } = before ?? {};
        return await good.putRecurring({ ...it, overlap, missed });
      },
    }),
    foundBy: "each change counts: it is due when that says so, and keeps its last job",
  },
  {
    fault: "forgets the last job of one that changes",
    plant: (good) => ({
      async putRecurring(it) {
        const before = (await good.recurring()).find(({ id }) => id === it.id);
        const changed = await good.putRecurring(it);
        if (before && changed) {
          await good.removeRecurring(it.id);
          await good.putRecurring(it);
        }
        return changed;
      },
    }),
    foundBy: "each change counts: it is due when that says so, and keeps its last job",
  },
  {
    fault: "forgets which job an occurrence has made",
    plant: (good) => ({
      recurring: async () =>
        (await good.recurring()).map((it) => ({ ...it, lastJob: undefined, lastState: undefined })),
    }),
    foundBy: "an occurrence makes its job, and says when the next one is due",
  },
  {
    fault: "advances what somebody else has advanced",
    plant: (good) => ({
      async fireRecurring(firing) {
        const row = (await good.recurring()).find(({ id }) => id === firing.id);
        return await good.fireRecurring({ ...firing, seenAt: row?.nextAt ?? firing.seenAt });
      },
    }),
    foundBy: "an occurrence is fired once: what was not seen last is passed",
  },
  {
    fault: "stores the job of an occurrence, and looks then whether it is due",
    plant: (good) => ({
      async fireRecurring(firing) {
        if (firing.job) await good.add([firing.job]);
        return await good.fireRecurring(firing);
      },
    }),
    foundBy: "an occurrence is fired once: what was not seen last is passed",
  },
  {
    fault: "looks whether an occurrence is due, and stores its job then",
    plant: (good, store) => ({
      async fireRecurring(firing) {
        const row = (await good.recurring()).find(({ id }) => id === firing.id);
        if (row?.nextAt !== firing.seenAt) return "passed";
        await trip(store);
        const later = (await good.recurring()).find(({ id }) => id === firing.id);
        return await good.fireRecurring({ ...firing, seenAt: later?.nextAt as number });
      },
    }),
    foundBy: "of many that fire an occurrence at the same time one makes its job",
  },
  {
    fault: "lets each overlap",
    plant: (good) => ({
      async fireRecurring(firing) {
        const answer = await good.fireRecurring(firing);
        if (answer !== "busy" || !firing.job) return answer;
        await good.triggerRecurring(firing.id, firing.job);
        return await good.fireRecurring({ ...firing, job: undefined });
      },
    }),
    foundBy: "an occurrence waits while the last job has not ended, unless they may overlap",
  },
  {
    fault: "lets none overlap",
    plant: (good) => ({
      putRecurring: (it) => good.putRecurring({ ...it, overlap: false }),
    }),
    foundBy: "an occurrence waits while the last job has not ended, unless they may overlap",
  },
  {
    fault: "waits for a last job that has failed",
    plant: (good) => ({
      async fireRecurring(firing) {
        const row = (await good.recurring()).find(({ id }) => id === firing.id);
        return row?.lastState === "failed" && firing.job ? "busy" : good.fireRecurring(firing);
      },
    }),
    foundBy: "an occurrence follows a last job that has ended in any way, or was deleted",
  },
  {
    fault: "lets no moment pass while the last job has not ended",
    plant: (good) => ({
      async fireRecurring(firing) {
        const row = (await good.recurring()).find(({ id }) => id === firing.id);
        const isBusy = row?.lastState !== undefined && !ended.includes(row.lastState);
        return isBusy && !firing.job ? "busy" : await good.fireRecurring(firing);
      },
    }),
    foundBy: "a moment may pass without a job, and may be the last",
  },
  {
    fault: "moves the times of one that is triggered",
    plant: (good) => ({
      async triggerRecurring(id, job) {
        const added = await good.triggerRecurring(id, job);
        const row = (await good.recurring()).find((it) => it.id === id) as RecurringRecord;
        if (!added || row.nextAt === undefined) return added;
        await good.fireRecurring({ id, seenAt: row.nextAt, nextAt: row.nextAt + 1 });
        return added;
      },
    }),
    foundBy: "a trigger makes a job at once, and leaves the times alone",
  },
  {
    fault: "cancels the jobs of one that is removed",
    plant: (good) => ({
      async removeRecurring(id) {
        const { jobs } = await good.list({ recurring: id }, 1_000);
        await good.cancel(jobs.map((it) => it.id));
        await good.purge(everything, 1_000);
        return await good.removeRecurring(id);
      },
    }),
    foundBy: "a recurring job is forgotten once, and its jobs stay",
  },
  // Servers.
  {
    fault: "lets a server start with each beat",
    plant: (good) => ({
      async beat(server, minutes) {
        await good.removeServer(server.id);
        await good.beat(server, minutes);
      },
    }),
    foundBy: "a server is known from its first beat until it is removed, by its start",
  },
  {
    fault: "keeps what was said last of a minute",
    plant: (good, store) => {
      const kept = store.note("minutes", () => new Map<string, MinuteRecord>());
      return {
        async beat(server, minutes) {
          await good.beat(server, []);
          for (const it of minutes) kept.set(`${it.minute} ${it.queue}`, it);
        },
        minutes: async () => [...kept.values()].sort((a, b) => a.minute - b.minute),
      };
    },
    foundBy: "what happened in a minute is added up, for each queue",
  },
  {
    fault: "gives the minutes of more than a day",
    plant: (good, store) => {
      const old = store.note("minutes", () => [] as MinuteRecord[]);
      return {
        async beat(server, minutes) {
          const begin = await good.now() - 86_400_000;
          old.push(...minutes.filter((it) => it.minute < begin));
          await good.beat(server, minutes);
        },
        minutes: async (from) => [...old, ...await good.minutes(from)],
      };
    },
    foundBy: "minutes older than a day are neither given nor kept",
  },
  {
    fault: "forgets servers with each purge",
    plant: (good) => ({
      async purge(retention, max) {
        for (const { id } of await good.servers()) await good.removeServer(id);
        return await good.purge(retention, max);
      },
    }),
    foundBy: "a purge leaves the servers that were heard of",
  },
  // The storage as a whole.
  {
    fault: "closes with the first stop",
    plant: (good) => {
      let isOpen = false;
      return {
        async start(signal, context) {
          await good.start(signal, context);
          isOpen = true;
        },
        async stop() {
          await good.stop();
          isOpen = false;
        },
        async add(jobs, own) {
          if (!isOpen) throw new Error("The connection is closed");
          return await good.add(jobs, own);
        },
      };
    },
    foundBy: "a store stays open until the last of those who have started it has stopped",
  },
  {
    fault: "is empty with each start",
    plant: (good) => ({
      async start(signal, context) {
        await good.start(signal, context);
        for (const { id } of await good.recurring()) await good.removeRecurring(id);
      },
    }),
    foundBy: "what was stored is there for whoever opens the store later, also by the same storage",
  },
  {
    fault: "opens the store of a newer version",
    plant: (_, { memory }) => ({ start: () => memory.start() }),
    foundBy: "a store of a newer version is refused, and left as it is",
  },
  {
    fault: "refuses the store of a newer version with an error of its own",
    plant: (good) => ({
      start: (signal, context) =>
        good.start(signal, context).catch(() => {
          throw new Error("No such column: name");
        }),
    }),
    foundBy: "a store of a newer version is refused, and left as it is",
  },
  {
    fault: "gives its time in seconds",
    plant: (good) => ({ now: async () => Math.floor(await good.now() / 1_000) }),
    foundBy: "the time of the storage is a number of milliseconds that goes on",
  },
  ...(["pause", "requeue", "settle"] as const).map((member) => ({
    fault: `calls nobody back at ${member}()`,
    plant: silent(member),
    foundBy: "whoever waits is called back when jobs can be taken",
  })),
  {
    fault: "calls back those who wait for the queue of the call, not for those of the children",
    plant: hears((queue) => queue === "default" || queue === "third"),
    foundBy: "whoever waits is called back when jobs can be taken",
  },
  {
    fault: "calls nobody back at cancel()",
    plant: silent("cancel"),
    foundBy: "whoever waits is called back when a retry is to be waited for, and a job to end",
  },
  {
    fault: "calls each function back once, and forgets it for all",
    plant: (good, store) => ({
      onWake(listener) {
        const listeners = store.note("listeners", () => {
          const set = new Set<(queue?: string) => void>();
          good.onWake((queue) => {
            for (const it of set) it(queue);
          });
          return set;
        });
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    }),
    foundBy: "whoever has ended it is called back no more, and takes nobody else along",
  },
  {
    fault: "calls back who has ended it",
    plant: (good) => ({
      onWake(listener) {
        good.onWake(listener);
        return () => {};
      },
    }),
    foundBy: "whoever has ended it is called back no more, and takes nobody else along",
  },
  {
    fault: "gives the same record to all who ask",
    plant: (good, store) => ({
      async get(id) {
        const job = await good.get(id);
        return store.note(`record ${JSON.stringify(job)}`, () => job);
      },
    }),
    foundBy: "what is given to a storage, or by one, can be changed without changing a job",
  },
  {
    fault: "gives records that change with the job",
    plant: (good) => {
      const given: HeldJob[] = [];
      return {
        async take(options) {
          const taken = await good.take(options);
          given.push(...taken.jobs);
          return taken;
        },
        async settle(hold, settlement) {
          const state = await good.settle(hold, settlement);
          const job = await good.get(hold.id);
          for (const it of given) if (it.id === hold.id) Object.assign(it, { state: job?.state });
          return state;
        },
      };
    },
    foundBy: "what is given to a storage, or by one, can be changed without changing a job",
  },
  {
    fault: "adds in no transaction",
    plant: (good) => ({
      async add(jobs, own) {
        const added = await good.add(jobs, own);
        (own as Own | undefined)?.splice(0);
        return added;
      },
    }),
    foundBy: "a job of the caller's transaction is there if and when that commits",
  },
  {
    fault: "adds in a transaction of its own",
    plant: (good) => ({ add: (jobs) => good.add(jobs) }),
    foundBy: "nothing is left of a transaction that was rolled back",
  },
  {
    fault: "leaves the first jobs of a failed call in the caller's transaction",
    plant: (good) => ({
      async add(jobs, own) {
        if (own === undefined) return await good.add(jobs);
        const added = [];
        for (const job of jobs) added.push(...await good.add([job], own));
        return added;
      },
    }),
    foundBy: "a parent that is not stored leaves a transaction as it was",
  },
];

for (const { fault, plant, foundBy } of table) {
  test(`the contract finds a storage that ${fault}`, async () => {
    const checks = jobStorageContract(() => fixture(plant), quick);
    const check = checks.find(({ name }) => name === foundBy);
    assert.ok(check, `there is no check "${foundBy}"`);
    const { message } = await rejection(check.run());
    assert.match(message, /^Expected that [^]*, but [^]*; look at /);
  });
}

test("each check of the contract finds a fault", () => {
  const found = new Set(table.map(({ foundBy }) => foundBy));
  const checks = jobStorageContract(() => fixture(() => ({})), quick);
  assert.equal(checks.map(({ name }) => name).filter((it) => !found.has(it)), []);
});

test("jobStorageContract() refuses what is no trait, and says what a trait takes", async () => {
  const bad = thrown(() => jobStorageContract(() => fixture(() => ({})), { can: ["x" as never] }));
  assert.instance(bad, TypeError);
  assert.match(bad.message, "Cannot use the trait of a job storage: expected transactions or");
  const endless = thrown(() => jobStorageContract(() => fixture(() => ({})), { holdTimeout: NaN }));
  assert.match(endless.message, "Cannot use jobStorageContract.holdTimeout: ");
  const make = (): JobStorageFixture => {
    const { renew: _, transaction: _1, ...rest } = fixture(() => ({}));
    return rest;
  };
  for (const [trait, member] of [["transactions", "transaction"], ["versions", "renew"]] as const) {
    const messages: string[] = [];
    for (const { run } of jobStorageContract(make, { ...quick, can: [trait] })) {
      await run().catch((error: Error) => messages.push(error.message));
    }
    assert.ok(messages.length > 0);
    for (const it of messages) {
      assert.match(it, `Cannot use the fixture's ${member}, as "${trait}" is in can`);
    }
  }
});

test("the contract stops what it has opened, and closes its fixture, however a check ends", async () => {
  for (const fault of [() => ({}), (() => ({ add: hang })) as Fault]) {
    const store = new Store();
    let closed = 0;
    const make = (): JobStorageFixture => ({
      clock: store.clock,
      open: () => ({ ...store.open(), ...fault(store.open(), store) }),
      close: () => closed++,
    });
    const checks = jobStorageContract(make, { ...quick, can: [] });
    for (const { run } of checks) await run().catch(() => {});
    assert.equal([closed, store.memory.opened], [checks.length, 0]);
  }
  assert.match(
    await rejection(jobStorageContract(() => fixture(() => ({ add: hang })), quick)[0]!.run()),
    /add\(\) settles, but it was pending/,
  );
});

const hang = (): Promise<never> => new Promise<never>(() => {});

test.run();
