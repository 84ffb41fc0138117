import { html } from "hono/html";
import { hostLink } from "../_host/host_link.ts";
import { cut, textOf } from "../_log.ts";
import { formatEvent } from "../events.ts";
import { health } from "../health/report.ts";
import type { Host } from "../types.ts";
import { badge, count, duration, json, type Markup, none, table, when } from "./_markup.ts";
import type { Events } from "./_events.ts";
import type { Place } from "../_builtin.ts";
import type { View } from "./_view.ts";

/** This instance: its services, what happened last, and what a stop would wait for. */
export async function hostPage(
  host: Host,
  events: Events,
  place: Place,
  { now }: View,
): Promise<Markup> {
  const { members, pending, clock } = hostLink(host);
  const { checks, ready, live } = await health(host);
  /** When something happened by the host's clock, as a time. */
  const timeOf = (moment: number): number => now - (clock.now() - moment);
  const services = members().map(({ name, state, since, error, service }) => {
    const check = checks.find((it) => it.probe === "readyz" && it.name === name);
    const { details } = service as { readonly details?: unknown };
    return html`
      <tr>
        <td class="wide"><b>${name}</b>${error === undefined
          ? none
          : html`<br><span class="failed">${cut(textOf(error), 300)}</span>`}</td>
        <td>${badge(state)}</td>
        <td class="nowrap">${when(timeOf(since), now)}</td>
        <td>${check ? badge(check.status) : html`<span class="dim">–</span>`}${check?.error
          ? html`<br><span class="dim">${cut(textOf(check.error), 300)}</span>`
          : none}</td>
        <td class="wide">${details === undefined ? html`<span class="dim">–</span>` : html`
          <details data-key="${name}">
            <summary>${summary(details)}</summary>
            <pre>${json(details)}</pre>
          </details>
        `}</td>
      </tr>
    `;
  });
  const working = members().filter(({ state, service }) =>
    state === "started" && (service as { readonly executeTask?: unknown }).executeTask !== undefined
  );
  const waiting = [
    ...working.map(({ name, service }) => {
      const { active } = Object((service as { readonly details?: unknown }).details) as {
        readonly active?: unknown;
      };
      const held = typeof active === "number" ? `, ${count(active)} in hand` : "";
      return html`<li><b>${name}</b>: its work${held}</li>`;
    }),
    ...pending().map(({ member, phase, begun }) =>
      html`<li><b>${member.name}</b>: ${phase}, for ${duration(clock.now() - begun)}</li>`
    ),
  ];
  return html`
    <h1>${place.hostname}</h1>
    <div class="cards">
      <div class="card"><b>${host.state}</b><span>state</span></div>
      <div class="card ${live ? "ok" : "bad"}"><b>${live ? "yes" : "no"}</b><span>live</span></div>
      <div class="card ${ready ? "ok" : "bad"}"><b>${ready
        ? "yes"
        : "no"}</b><span>ready</span></div>
      <div class="card"><b>${duration(now - events.since)}</b><span>watched for</span></div>
      <div class="card"><b>${place.process}</b><span>process</span></div>
      <div class="card small"><b>${place.runtime}</b><span>runtime</span></div>
    </div>
    <h2>Services</h2>
    ${services.length > 0
      ? table(["Service", "State", "Since", "Health", "Details"], services)
      : html`<div class="panel empty">This host has no services</div>`}
    <div class="panels">
      <section class="panel"><h2>A stop would wait for</h2>${waiting.length > 0
        ? html`<ul>${waiting}</ul>`
        : html`<p class="dim">Nothing that runs now</p>`}</section>
      <section class="panel"><h2>Last events</h2><ol class="line">${events.last.map((
        { at, event },
      ) =>
        html`<li>${when(at, now)}<br>${cut(formatEvent(event).split("\n")[0] as string, 300)}</li>`
      )}</ol>${events.last.length > 0
        ? none
        : html`<p class="dim">None since the dashboard was made</p>`}</section>
    </div>
  `;
}

/** The first few numbers and words of what a service says of itself. */
function summary(details: unknown): string {
  const short = Object.entries(Object(details) as Record<string, unknown>).filter(([, value]) =>
    ["number", "string", "boolean"].includes(typeof value)
  );
  const text = short.slice(0, 4).map(([name, value]) => `${name} ${value}`).join(", ");
  return cut(text || "details", 120);
}
