import { html } from "hono/html";
import { count, type Markup, table, when } from "./_markup.ts";
import type { JobsView } from "./_view.ts";

/** The servers that work on the jobs, and when each was heard of. */
export async function serversPage({ jobs, now }: JobsView): Promise<Markup> {
  const rows = (await jobs.servers()).map((it) =>
    html`
      <tr>
        <td class="wide"><b>${it.name}</b><br><code class="dim">${it.location}</code></td>
        <td class="wide">${Object.entries(it.queues).map(([queue, places]) =>
          `${queue} (${places})`
        ).join(", ")}</td>
        <td class="num">${count(it.active)}</td>
        <td class="nowrap">${when(it.startedAt, now)}</td>
        <td class="nowrap">${when(it.seenAt, now)}</td>
      </tr>
    `
  );
  return html`<h1>Servers</h1>${
    rows.length > 0
      ? table(["Server", "Queues and places", ["In hand", "num"], "Started", "Heard of"], rows)
      : html`<div class="panel empty">No server works: what is enqueued waits</div>`
  }`;
}
