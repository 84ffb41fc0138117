import { html } from "hono/html";
import { cut } from "../_log.ts";
import { endedStates } from "../jobs/_conventions.ts";
import type { JobDetails } from "../jobs/job_record.ts";
import {
  badge,
  button,
  duration,
  json,
  type Markup,
  mostShown,
  none,
  parse,
  when,
} from "./_markup.ts";
import { jobPath, type JobsView } from "./_view.ts";

/** One job: all that is known of it. `undefined` if it is not stored. */
export async function jobPage(view: JobsView, id: string): Promise<Markup | undefined> {
  const { jobs, base, now, mayChange, format } = view;
  const job = await jobs.get(id);
  if (!job) return undefined;
  const path = jobPath(view, id);
  const isOver = endedStates.includes(job.state);
  const links = (ids: readonly string[]): Markup =>
    html`${
      ids.map((it) =>
        html`
          <a href="${jobPath(view, it)}"><code>${it}</code></a>
        `
      )
    }`;
  const part = (title: string, text: string): Markup =>
    html`
      <section>
        <h2>${title}</h2>
        <pre>${text}</pre>
      </section>
    `;
  const actions = [
    isOver ? button(`${path}/requeue`, "Queue again", { kind: "main" }) : none,
    job.state === "scheduled" ? button(`${path}/requeue`, "Run now", { kind: "main" }) : none,
    isOver || job.cancelRequested
      ? none
      : button(`${path}/cancel`, "Cancel", { kind: "danger", confirm: "Cancel this job?" }),
  ];
  return html`
    <h1>${job.name} ${badge(job.state)}</h1>
    ${mayChange ? html`<div class="actions">${actions}</div>` : none}
    <div class="panel">
      <dl>
    <dt>Id</dt><dd><code>${job.id}</code></dd>
    <dt>Queue</dt><dd><a href="${base}/jobs?queue=${encodeURIComponent(job.queue)}">${job
      .queue}</a>${job.priority === 0 ? none : html`, priority ${job.priority}`}</dd>
    <dt>Made</dt><dd>${when(job.createdAt, now)}</dd>
    <dt>Due</dt><dd>${when(job.dueAt, now)}</dd>
    ${job.startedAt === undefined ? none : html`
      <dt>Started</dt>
      <dd>${when(job.startedAt, now)}</dd>
    `}
    ${job.endedAt === undefined ? none : html`
      <dt>Ended</dt>
      <dd>${when(job.endedAt, now)}</dd>
    `}
    ${job.key === undefined ? none : html`
      <dt>Key</dt>
      <dd><code>${job.key}</code>, until it has ${job.keyUntil}</dd>
    `}
    ${job.recurring === undefined ? none : html`
      <dt>Recurring</dt>
      <dd><a href="${base}/jobs?recurring=${encodeURIComponent(job.recurring)}">${job
        .recurring}</a></dd>
    `}
    ${job.parents.length === 0 ? none : html`
      <dt>Parents</dt>
      <dd>${links(job.parents)}(${job.parentsOn})</dd>
    `}
    ${job.children.length === 0 ? none : html`
      <dt>Children</dt>
      <dd>${links(job.children)}</dd>
    `}
    ${job.server === undefined ? none : html`
      <dt>Server</dt>
      <dd><code>${job.server}</code></dd>
    `}
    ${job.cancelRequested
      ? html`
        <dt>Cancel</dt>
        <dd>asked for</dd>
      `
      : none}
    ${job.progress === undefined ? none : html`
      <dt>Progress</dt>
      <dd>${progress(job, view)}</dd>
    `}
      </dl>
    </div>
    ${job.error === undefined ? none : part("Error", cut(job.error, mostShown))}
    ${part("Input", json(format(parse(job.input), job, "input")))}
    ${job.result === undefined
      ? none
      : part("Result", json(format(parse(job.result), job, "result")))}
    ${job.attempts.length === 0 ? none : html`
      <h2>Attempts</h2>
      <div class="panel">
        <ol class="line">${job.attempts.map((it) =>
          html`
            <li
              class="${it.state}"><b>Attempt ${it.attempt}</b> ${badge(it.state)} ${when(
                it.startedAt,
                now,
              )}, ${duration(it.endedAt - it.startedAt)}${it.error === undefined ? none : html`
                <details data-key="${it.startedAt}">
                  <summary>${cut(it.error.split("\n")[0] as string, 200)}</summary>
                  <pre>${cut(it.error, mostShown)}</pre>
                </details>
              `}</li>
          `
        )}</ol>
      </div>
    `}
    ${job.log.length === 0 ? none : part(
      "Log",
      cut(
        job.log.map(({ at, text }) => `${new Date(at).toISOString()} ${text}`).join("\n"),
        mostShown,
      ),
    )}
  `;
}

/** A number from 0 to 1 is a bar. */
function progress(job: JobDetails, { format }: JobsView): Markup {
  const value = format(parse(job.progress), job, "progress");
  return typeof value === "number" && value >= 0 && value <= 1
    ? html`<progress max="1" value="${value}">${value}</progress> ${Math.round(value * 100)} %`
    : html`<code>${cut(json(value), 500)}</code>`;
}
