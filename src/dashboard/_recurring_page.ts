import { html } from "hono/html";
import { badge, button, type Markup, none, table, when } from "./_markup.ts";
import { jobPath, type JobsView } from "./_view.ts";

/** The recurring jobs: when each is due, and how its last job ended. */
export async function recurringPage(view: JobsView): Promise<Markup> {
  const { jobs, base, now, mayChange } = view;
  const rows = (await jobs.recurring()).map((it) =>
    html`
      <tr>
        <td
          class="wide"><a href="${base}/jobs?recurring=${encodeURIComponent(it.id)}"><b>${it
            .id}</b></a><br><span class="dim">${it.job}</span></td>
        <td class="nowrap"><code>${it.pattern}</code><br><span class="dim">${it.timeZone ??
          "UTC"}</span></td>
        <td>${it.missed}</td>
        <td class="nowrap">${when(it.nextAt, now)}</td>
        <td class="nowrap">${it.lastJob === undefined
          ? html`<span class="dim">–</span>`
          : html`<a href="${jobPath(view, it.lastJob)}">${when(it.lastAt, now)}</a> ${
            it.lastState ? badge(it.lastState) : none
          }`}</td>
        <td>${mayChange
          ? button(`${base}/recurring/${encodeURIComponent(it.id)}/trigger`, "Run now")
          : none}</td>
      </tr>
    `
  );
  return html`<h1>Recurring</h1>${
    rows.length > 0
      ? table(["Recurring job", "Pattern", "Missed", "Next", "Last", ""], rows)
      : html`<div class="panel empty">Nothing recurs</div>`
  }`;
}
