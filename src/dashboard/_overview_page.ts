import { html } from "hono/html";
import { cut } from "../_log.ts";
import { sumCounts } from "../jobs/_conventions.ts";
import type { MinuteRecord } from "../jobs/job_record.ts";
import { type Bar, chart } from "./_chart.ts";
import { count, duration, type Markup, none, table, when } from "./_markup.ts";
import { jobPath, type JobsView } from "./_view.ts";

const minute = 60_000;
const shown = 60;
/** What is written below the first bar of a chart, and below the last. */
const hour = ["an hour ago", "now"] as const;

/** How it goes: counts, the last hour, and what failed last. */
export async function overviewPage(view: JobsView): Promise<Markup> {
  const { jobs, base, now } = view;
  const [queues, minutes, failures] = await Promise.all([
    jobs.queues(),
    jobs.minutes(now - shown * minute),
    jobs.list({ state: "failed", limit: 8 }),
  ]);
  const counts = sumCounts(queues);
  const oldest = Math.min(...queues.map((it) => it.oldestDueAt ?? Infinity));
  const card = (state: keyof typeof counts, kind = ""): Markup =>
    html`
      <a class="card ${counts[state] > 0 ? kind : ""}"
        href="${base}/jobs?state=${state}"><b>${count(counts[state])}</b><span>${state}</span></a>
    `;
  const bars = byMinute(minutes, now);
  const ended = sum(minutes, "succeeded") + sum(minutes, "failed");
  const started = sum(minutes, "started");
  return html`
    <h1>Overview</h1>
    <div
      class="cards">${card("enqueued")}${card("processing", "busy")}${card("scheduled")}${card(
        "awaiting",
      )}${card("succeeded", "ok")}${card("failed", "bad")}${card("cancelled")}</div>
    <div class="panels">
      <section
        class="panel"><h2>Ended in the last hour: ${count(ended)}</h2>${chart(
          "Jobs that ended in each minute of the last hour",
          bars.map(endedBar),
          [(highest) => `${count(highest)} in a minute`, ...hour],
        )}<p class="dim">${count(sum(minutes, "succeeded"))} succeeded, ${count(
          sum(minutes, "failed"),
        )} failed</p></section>
      <section
        class="panel"><h2>Wait until the start: ${started > 0
          ? duration(sum(minutes, "waited") / started)
          : "–"}</h2>${chart(
            "Mean wait of the jobs that started in each minute",
            bars.map(waitBar),
            [duration, ...hour],
          )}<p class="dim">On average; ${Number.isFinite(oldest)
          ? html`the oldest that waits could have run ${when(oldest, now)}`
          : "nothing waits"}</p></section>
    </div>
    <h2>Failed last</h2>
    ${failures.jobs.length === 0 ? html`<div class="panel empty">Nothing has failed</div>` : table(
      ["Job", "Queue", "Failed", "Error"],
      failures.jobs.map((job) =>
        html`
          <tr>
            <td class="wide"><a href="${jobPath(view, job.id)}">${job.name}</a></td>
            <td>${job.queue}</td>
            <td class="nowrap">${when(job.endedAt, now)}</td>
            <td class="wide">${cut((job.error ?? "").split("\n")[0] as string, 200)}</td>
          </tr>
        `
      ),
    )}${failures.next ? html`<p><a href="${base}/jobs?state=failed">All that failed</a></p>` : none}
  `;
}

/** One minute of all queues. */
type Minute = Omit<MinuteRecord, "queue">;

function byMinute(records: readonly MinuteRecord[], now: number): Minute[] {
  const first = Math.floor(now / minute) - shown + 1;
  return Array.from({ length: shown }, (_, index) => {
    const begin = (first + index) * minute;
    const its = records.filter((it) => it.minute === begin);
    return {
      minute: begin,
      succeeded: sum(its, "succeeded"),
      failed: sum(its, "failed"),
      started: sum(its, "started"),
      waited: sum(its, "waited"),
      ran: sum(its, "ran"),
    };
  });
}

function sum(records: readonly MinuteRecord[], name: Exclude<keyof MinuteRecord, "queue">): number {
  return records.reduce((all, it) => all + it[name], 0);
}

function clockOf({ minute }: Minute): string {
  return `${new Date(minute).toISOString().slice(11, 16)} UTC`;
}

function endedBar(it: Minute): Bar {
  const { succeeded, failed } = it;
  return {
    title: `${clockOf(it)}: ${succeeded} succeeded, ${failed} failed`,
    parts: [{ value: succeeded, kind: "bar-ok" }, { value: failed, kind: "bar-bad" }],
  };
}

function waitBar(it: Minute): Bar {
  const mean = it.started > 0 ? it.waited / it.started : 0;
  return {
    title: `${clockOf(it)}: ${duration(mean)}`,
    parts: [{ value: mean, kind: "bar-wait" }],
  };
}
