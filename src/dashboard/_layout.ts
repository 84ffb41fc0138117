import { html, raw } from "hono/html";
import { script } from "./_script.ts";
import { style } from "./_style.ts";
import type { Markup } from "./_markup.ts";

/** A page and what is around it. */
export interface LayoutOptions {
  readonly title: string;
  readonly base: string;
  /** The path of the page, from the base on. */
  readonly path: string;
  readonly hasJobs: boolean;
  readonly mayChange: boolean;
  readonly name: string;
  /** Lets the page's own style and script in, and no others. */
  readonly nonce: string;
  readonly isLive: boolean;
  readonly content: Markup;
}

const jobPages = [
  ["", "Overview"],
  ["/queues", "Queues"],
  ["/jobs", "Jobs"],
  ["/recurring", "Recurring"],
  ["/servers", "Servers"],
  ["/host", "Host"],
] as const;

/** The whole page. */
export function layout(options: LayoutOptions): Markup {
  const { title, base, path, hasJobs, mayChange, name, nonce, isLive, content } = options;
  const pages = hasJobs ? jobPages : [["", "Host"]] as const;
  const current = (to: string): boolean => to === "" ? path === "" : path.startsWith(to);
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="robots" content="noindex">
        <title>${title} · ${name}</title>
        <link rel="icon" href="data:,">
        <style nonce="${nonce}">${raw(style)}</style>
      </head>
      <body><a class="skip" href="#content">To the content</a><header><div><a class="brand" href="${base ||
        "/"}">runhost<small>${name}</small></a><nav aria-label="Pages">${pages.map(([to, label]) =>
          html`
            <a href="${`${base}${to}` || "/"}" ${current(to)
              ? html`
                aria-current="page"
              `
              : ""}>${label}</a>
          `
        )}</nav></div></header><main id="content"${isLive
        ? html`
          data-live="1"
        `
        : ""}>${content}</main><footer>${mayChange
        ? ""
        : "Read only. "}Times are those of the storage; hover for the exact ones.</footer><script nonce="${nonce}" type="module">${raw(
          script,
        )}</script></body>
    </html>
  `;
}
