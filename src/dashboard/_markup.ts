import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { cut } from "../_log.ts";

/** A piece of a page; whatever is put into one is escaped. */
export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Nothing. */
export const none: Markup = raw("");

/** The most characters of a value that a page shows. */
export const mostShown = 10_000;

/** A time, as how long ago it was, or will be; the exact one is its title. */
export function when(time: number | undefined, now: number): Markup {
  if (time === undefined) return html`<span class="dim">–</span>`;
  const text = Number.isFinite(time) && Math.abs(time) < 8.64e15
    ? new Date(time).toISOString()
    : "never";
  const distance = time > now ? `in ${duration(time - now)}` : `${duration(now - time)} ago`;
  return html`<time datetime="${text}" title="${text}">${distance}</time>`;
}

/** Milliseconds, as a person says them. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}

/** A count, with its thousands told apart. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** A value as JSON in several lines, cut. */
export function json(value: unknown): string {
  try {
    return cut(JSON.stringify(value, undefined, 2) ?? "undefined", mostShown);
  } catch (error) {
    return cut(`Not to be written as JSON: ${error}`, mostShown);
  }
}

/** What was stored as JSON. */
export function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A state, in its colour. */
export function badge(state: string): Markup {
  return html`<span class="badge ${state}">${state}</span>`;
}

/** The head of a column, with its classes if it has some: `num` for numbers, `minor` for what a phone has no room for. */
export type Head = string | Markup | readonly [text: string, kind: string];

/** A table whose columns are too wide for a phone scrolls alone. */
export function table(heads: readonly Head[], rows: readonly Markup[]): Markup {
  return html`
    <div class="table">
      <table>
        <thead>
          <tr>${heads.map(head)}</tr>
        </thead>
        <tbody>${rows}</tbody>
      </table>
    </div>
  `;
}

function head(it: Head): Markup {
  const [text, kind] = Array.isArray(it) ? it : [it, ""];
  return html`<th scope="col" class="${kind}">${text}</th>`;
}

/** A form with one button, for a change. */
export function button(
  action: string,
  label: string,
  options: { readonly confirm?: string; readonly kind?: string; readonly title?: string } = {},
): Markup {
  const { confirm = "", kind = "", title = label } = options;
  return html`
    <form method="post" action="${action}"
      data-confirm="${confirm}"><button class="${kind}" title="${title}">${label}</button></form>
  `;
}
