import { mostSearched } from "../_conventions.ts";
import { contains, isAscii, recordOf, type Row, searchedColumns } from "../_rows.ts";
import type { JobFilter, JobPage, JobState } from "../job_record.ts";
import type { Ask } from "./_calls.ts";
import { jobColumns } from "./_columns.ts";

/** How many jobs are read for a search that the database cannot make. */
const mostTexts = 200;

/** Gives a page of jobs, newest first. */
export async function listJobs(
  ask: Ask,
  { schema, filter, limit, after, now }: {
    readonly schema: string;
    readonly filter: JobFilter;
    readonly limit: number;
    readonly after: string | undefined;
    readonly now: number;
  },
): Promise<JobPage> {
  if (Array.isArray(filter.state) && filter.state.length === 0) return { jobs: [] };
  const wanted = filter.search?.toLowerCase();
  const before = after === undefined ? Number.MAX_SAFE_INTEGER : Number(after);
  const found = wanted === undefined
    ? await read(ask, { schema, filter, before, now, most: limit + 1 })
    : await search(ask, { schema, filter, before, now, wanted, most: limit + 1 });
  const jobs = found.slice(0, limit).map((it) => recordOf(it, now));
  return found.length > limit ? { jobs, next: `${found[limit - 1]?.["seq"]}` } : { jobs };
}

/** Which jobs are read. */
interface Reading {
  readonly schema: string;
  readonly filter: JobFilter;
  readonly before: number;
  readonly now: number;
  readonly most: number;
}

async function read(ask: Ask, reading: Reading): Promise<readonly Row[]> {
  const { sql, values } = selection(reading);
  return await ask(`select ${jobColumns} from (${sql}) as job`, values);
}

/** Looks through the texts of the newest jobs. */
async function search(
  ask: Ask,
  { wanted, ...reading }: Reading & { readonly wanted: string },
): Promise<readonly Row[]> {
  if (isAscii(wanted)) { // else it depends on the locale of the database
    const { sql, values } = selection({ ...reading, most: mostSearched });
    const text = `$${values.length + 1}::text`;
    const hits = searchedColumns.map((column) => `position(${text} in lower(${column})) > 0`);
    return await ask(
      `select ${jobColumns} from (${sql}) as job where ${hits.join(" or ")} order by seq desc
        limit ${reading.most}`,
      [...values, wanted],
    );
  }
  const found: Row[] = [];
  let { before } = reading;
  for (let left = mostSearched; left > 0 && found.length < reading.most;) {
    const most = Math.min(left, mostTexts);
    const rows = await read(ask, { ...reading, before, most });
    found.push(...rows.filter((row) => contains(row, wanted)));
    if (rows.length < most) break;
    before = rows.at(-1)?.["seq"] as number;
    left -= most;
  }
  return found;
}

/** Selects jobs: for each stored state by the index that has it in this order. */
function selection(
  { schema, filter, before, now, most }: Reading,
): { readonly sql: string; readonly values: unknown[] } {
  const values: unknown[] = [];
  const value = (it: unknown, type: string): string => `$${values.push(it)}::${type}`;
  const conditions = [`seq < ${value(before, "bigint")}`];
  const { state, queue, job, recurring, from, to } = filter;
  const states = state === undefined ? undefined : new Set([state].flat());
  if (states && states.has("enqueued") !== states.has("scheduled")) {
    const due = states.has("enqueued") ? "<=" : ">";
    conditions.push(`(state <> 'scheduled' or due_at ${due} ${value(now, "double precision")})`);
  }
  if (queue !== undefined) conditions.push(`queue = ${value(queue, "text")}`);
  if (job !== undefined) conditions.push(`name = ${value(job, "text")}`);
  if (recurring !== undefined) conditions.push(`recurring = ${value(recurring, "text")}`);
  if (from !== undefined) conditions.push(`created_at >= ${value(from, "double precision")}`);
  if (to !== undefined) conditions.push(`created_at < ${value(to, "double precision")}`);
  const stored: readonly (JobState | undefined)[] = states
    ? [...new Set([...states, ...(states.has("enqueued") ? ["scheduled" as const] : [])])]
    : [undefined];
  const end = `order by seq desc limit ${most}`;
  const parts = stored.map((it) => {
    const all = it === undefined ? conditions : [...conditions, `state = ${value(it, "text")}`];
    return `(select * from ${schema}.jobs where ${all.join(" and ")} ${end})`;
  });
  return { sql: `select * from (${parts.join(" union all ")}) as it ${end}`, values };
}
