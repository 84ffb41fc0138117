import { html } from "hono/html";
import type { Markup } from "./_markup.ts";

/** One bar of a chart. */
export interface Bar {
  /** What it stands for, as its title says. */
  readonly title: string;
  /** Its parts, from the bottom up, each with its class. */
  readonly parts: readonly { readonly value: number; readonly kind: string }[];
}

const height = 96;
const width = 600;

/**
 * Bars beside each other, of which the highest fills the height.
 *
 * @param scale What is written above, given the highest value, and below the first and the last bar.
 */
export function chart(
  label: string,
  bars: readonly Bar[],
  scale: readonly [above: (highest: number) => string, first: string, last: string],
): Markup {
  const [above, first, last] = scale;
  const sum = (bar: Bar): number => bar.parts.reduce((all, { value }) => all + value, 0);
  const highest = Math.max(1e-9, ...bars.map(sum));
  const step = width / Math.max(1, bars.length);
  const drawn = bars.map((bar, index) => {
    let top = height - 1;
    const parts = bar.parts.filter(({ value }) => value > 0).map(({ value, kind }) => {
      const size = Math.max(1, value / highest * (height - 6));
      top -= size;
      return html`
        <rect class="${kind}" x="${(index * step + 0.5).toFixed(1)}" y="${top.toFixed(
          1,
        )}" width="${Math.max(1, step - 1.5).toFixed(1)}" height="${size.toFixed(1)}"
          rx="1"></rect>
      `;
    });
    return html`<g><title>${bar.title}</title>${parts}</g>`;
  });
  return html`
    <div class="scale">${above(highest < 1e-6 ? 0 : highest)}</div>
    <svg role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}"
      preserveAspectRatio="none"><line class="axis" x1="0" x2="${width}" y1="${height -
        0.5}" y2="${height - 0.5}"></line>${drawn}</svg>
    <div class="scale"><span>${first}</span><span>${last}</span></div>
  `;
}
