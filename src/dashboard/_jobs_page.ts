import { html } from "hono/html";
import { cut } from "../_log.ts";
import { jobStates } from "../jobs/_conventions.ts";
import type { JobFilter } from "../jobs/job_record.ts";
import { badge, type Head, json, type Markup, none, parse, table, when } from "./_markup.ts";
import { jobPath, type JobsView } from "./_view.ts";

const pageSize = 50;

/** Which jobs a query means; what it does not understand it leaves out. */
export function filterOf(query: URLSearchParams): JobFilter {
  const text = (name: string): string | undefined => query.get(name)?.trim() || undefined;
  const time = (name: string): number | undefined => {
    const given = text(name);
    const moment = given === undefined ? NaN : Date.parse(`${given}Z`);
    return Number.isNaN(moment) ? undefined : moment;
  };
  return {
    state: jobStates.find((it) => it === text("state")),
    queue: text("queue"),
    job: text("job"),
    search: text("search"),
    recurring: text("recurring"),
    from: time("from"),
    to: time("to"),
  };
}

/** Jobs, newest first, filtered; several can be queued again, or cancelled, at once. */
export async function jobsPage(view: JobsView): Promise<Markup> {
  const { jobs, base, now, query, mayChange, format } = view;
  const filter = filterOf(query);
  const after = query.get("after") ?? undefined;
  const [page, queues] = await Promise.all([
    jobs.list({ ...filter, after, limit: pageSize }),
    jobs.queues(),
  ]);
  const rows = page.jobs.map((job) => {
    const input = json(format(parse(job.input), job, "input")).replace(/\s+/g, " ");
    return html`<tr>${
      mayChange
        ? html`<td><input type="checkbox" name="id" value="${job.id}" aria-label="Choose ${job.name}"></td>`
        : none
    }<td class="wide"><a href="${
      jobPath(view, job.id)
    }"><b>${job.name}</b></a><br><code class="dim">${cut(input, 90)}</code></td><td>${
      badge(job.state)
    }</td><td class="minor">${job.queue}</td><td class="num minor">${job.attempt}</td><td class="nowrap minor">${
      when(job.createdAt, now)
    }</td><td class="nowrap">${when(job.endedAt ?? job.startedAt ?? job.dueAt, now)}</td></tr>`;
  });
  const heads: Head[] = [
    ...(mayChange ? [html`<input type="checkbox" id="all" aria-label="Choose all">`] : []),
    "Job",
    "State",
    ["Queue", "minor"],
    ["Attempt", "num minor"],
    ["Made", "minor"],
    "Last",
  ];
  const list = table(heads, rows);
  return html`<h1>Jobs</h1>
<form class="filter" method="get" action="${base}/jobs" role="search">
<label>State<select name="state"><option value="">all</option>${
    jobStates.map((it) =>
      html`<option${
        it === filter.state
          ? html`
            selected
          `
          : none
      }>${it}</option>`
    )
  }</select></label>
<label>Queue<select name="queue"><option value="">all</option>${
    queues.map(({ queue }) =>
      html`<option${
        queue === filter.queue
          ? html`
            selected
          `
          : none
      }>${queue}</option>`
    )
  }</select></label>
<label>Job<input name="job" value="${filter.job ?? ""}"></label>
<label>Made from (UTC)<input type="datetime-local" name="from" value="${
    query.get("from") ?? ""
  }"></label>
<label>to<input type="datetime-local" name="to" value="${query.get("to") ?? ""}"></label>
<label>Search<input type="search" name="search" value="${
    filter.search ?? ""
  }" placeholder="id, input, key, error"></label>
<button class="main">Show</button></form>
${
    rows.length === 0 ? html`<div class="panel empty">No job is like this</div>` : mayChange
      ? html`
        <form method="post"
          action="${base}/jobs"><input type="hidden" name="back" value="${query}"><div class="actions"><button name="do" value="requeue">Queue chosen again</button><button class="danger" name="do" value="cancel" data-confirm="Cancel the chosen jobs?">Cancel chosen</button><button name="do" value="requeueAll" data-confirm="Queue all jobs again that the filter meets?">Queue all again</button><button class="danger" name="do" value="cancelAll" data-confirm="Cancel all jobs that the filter meets?">Cancel all</button></div>${list}</form>
      `
      : list
  }
<div class="pager">${after ? html`<a href="${base}/jobs?${without(query)}">Newest</a>` : none}${
    page.next
      ? html`<a rel="next" href="${base}/jobs?${without(query, page.next)}">Older</a>`
      : none
  }</div>`;
}

/** The query of another page of the same jobs. */
function without(query: URLSearchParams, after?: string): string {
  const next = new URLSearchParams(query);
  next.delete("after");
  next.delete("live");
  if (after !== undefined) next.set("after", after);
  return `${next}`;
}
