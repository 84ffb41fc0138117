import { html } from "hono/html";
import { badge, button, count, type Markup, none, table, when } from "./_markup.ts";
import type { JobsView } from "./_view.ts";

/** The queues: what waits in each, and whether it is paused. */
export async function queuesPage({ jobs, base, now, mayChange }: JobsView): Promise<Markup> {
  const queues = await jobs.queues();
  const rows = queues.map(({ queue, paused, counts, oldestDueAt }) => {
    const name = encodeURIComponent(queue);
    const number = (state: keyof typeof counts): Markup =>
      html`
        <td
          class="num"><a class="${counts[state] > 0
            ? ""
            : "dim"}" href="${base}/jobs?queue=${name}&state=${state}">${count(
              counts[state],
            )}</a></td>
      `;
    return html`<tr><td class="wide"><a href="${base}/jobs?queue=${name}"><b>${queue}</b></a> ${
      paused ? badge("paused") : none
    }</td>${number("enqueued")}${number("processing")}${number("scheduled")}${number("awaiting")}${
      number("failed")
    }<td class="nowrap">${when(oldestDueAt, now)}</td><td>${
      mayChange
        ? paused
          ? button(`${base}/queues/${name}/resume`, "Resume")
          : button(`${base}/queues/${name}/pause`, "Pause", {
            confirm: `Pause queue ${queue}? What runs goes on.`,
          })
        : none
    }</td></tr>`;
  });
  return html`<h1>Queues</h1>${
    rows.length > 0
      ? table(
        [
          "Queue",
          ["Enqueued", "num"],
          ["Processing", "num"],
          ["Scheduled", "num"],
          ["Awaiting", "num"],
          ["Failed", "num"],
          "Oldest due",
          "",
        ],
        rows,
      )
      : html`<div class="panel empty">No queue has jobs</div>`
  }`;
}
