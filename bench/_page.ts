/** Writes what was found as Markdown. */
import { median, ratio, type Row } from "./_rounds.ts";
import type { Goal, RuntimeName, Scenario, Unit } from "./_scenario.ts";

const titles: Readonly<Record<RuntimeName | "dotnet", string>> = {
  node: "Node",
  deno: "Deno",
  bun: "Bun",
  dotnet: ".NET",
};

/** A scenario with what was found. */
export interface Found {
  readonly scenario: Scenario;
  readonly rows: readonly Row[];
  readonly rounds: number;
}

/** One goal on one runtime. */
interface Verdict {
  readonly cases: number;
  readonly misses: readonly string[];
}

/** The section of one scenario. */
export function section({ scenario, rows, rounds }: Found): string {
  const { title, about, unit, variants, goals, notes, ratios = true } = scenario;
  const measured = `Median of ${rounds} round${rounds === 1 ? "" : "s"}, in ${unit}`;
  const brackets = `; in brackets the ratio to _${variants[0]!.name}_ on the same runtime`;
  return [
    `## ${title}`,
    about,
    `${measured}${ratios ? brackets : ""}.`,
    table(scenario, rows),
    ...goals.map((goal) => line(goal, rows, unit)),
    ...(notes === undefined ? [] : [notes]),
  ].join("\n\n");
}

/** All goals of all scenarios, and on which runtimes they are reached. */
export function goalsTable(found: readonly Found[]): string {
  const names = ["node", "deno", "bun"] as const;
  const lines = [["goal", ...names.map((name) => titles[name])]];
  for (const { scenario, rows } of found) {
    for (const goal of scenario.goals) {
      const cells = names.map((runtime) => {
        const verdict = judge(goal, rows, runtime);
        if (verdict.cases === 0) return "";
        const { cases, misses } = verdict;
        return misses.length === 0 ? "reached" : `missed in ${misses.length} of ${cases}`;
      });
      lines.push([`${scenario.title}: ${goal.text}`, ...cells]);
    }
  }
  return markdown(lines);
}

/** Medians and ratios of all variants and cases. */
function table(
  { variants, unit, ratios = true }: Scenario,
  rows: readonly Row[],
): string {
  const names = [...new Set(rows.flatMap(({ cases }) => [...cases.keys()]))];
  const lines = [["", "", ...names]];
  for (const row of rows) {
    const baseline = ratios ? rowOf(rows, row.runtime, variants[0]!.name) : undefined;
    const cells = names.map((name) => {
      const values = row.cases.get(name);
      if (values === undefined) return "";
      const others = row === baseline ? undefined : baseline?.cases.get(name);
      const bracket = others === undefined ? "" : ` (${factor(ratio(values, others))})`;
      return quantity(median(values), unit) + bracket;
    });
    lines.push([
      titles[row.runtime],
      row.variant === titles.dotnet ? "" : row.variant,
      ...cells,
    ]);
  }
  return markdown(lines);
}

/** One goal, in a sentence for each runtime. */
function line(goal: Goal, rows: readonly Row[], unit: Unit): string {
  const verdicts = (["node", "deno", "bun"] as const).flatMap((runtime) => {
    const { cases, misses } = judge(goal, rows, runtime, unit);
    if (cases === 0) return [];
    const missed = `missed in ${misses.length} of ${cases}: ${misses.join("; ")}`;
    return [
      `- ${titles[runtime]}: ${misses.length === 0 ? "reached" : missed}`,
    ];
  });
  return [`**Goal: ${goal.text}**`, verdicts.join("\n")].join("\n\n");
}

/** Compares what ours reached with what it should. */
function judge(
  { of, against, cases: about, atMost = Infinity, atLeast = -Infinity }: Goal,
  rows: readonly Row[],
  runtime: RuntimeName,
  unit?: Unit,
): Verdict {
  const ours = rowOf(rows, runtime, of)?.cases ?? new Map<string, number[]>();
  const misses: string[] = [];
  let cases = 0;
  for (const [name, values] of ours) {
    if (about && !about.includes(name)) continue;
    if (against === undefined) {
      cases++;
      const value = median(values);
      if (value > atMost || value < atLeast) {
        misses.push(`${name} (${quantity(value, unit)})`);
      }
      continue;
    }
    const rivals: string[] = [];
    for (const rival of against) {
      const others = (rowOf(rows, runtime, rival) ?? rowOf(rows, "dotnet", rival))?.cases
        .get(name);
      if (others === undefined) continue;
      const value = ratio(values, others);
      if (value > atMost || value < atLeast) {
        rivals.push(`${factor(value)} ${rival}`);
      }
    }
    cases++;
    if (rivals.length > 0) misses.push(`${name} (${rivals.join(", ")})`);
  }
  return { cases, misses };
}

function rowOf(
  rows: readonly Row[],
  runtime: string,
  variant: string,
): Row | undefined {
  return rows.find((row) => row.runtime === runtime && row.variant === variant);
}

/** Three digits that count; bytes and such are whole. */
function quantity(value: number, unit?: Unit): string {
  const whole = unit === "bytes" || Math.abs(value) >= 100;
  return whole ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

function factor(value: number): string {
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(2 + Number(value > 1)))}x`;
}

function markdown([head, ...lines]: readonly (readonly string[])[]): string {
  const rule = head!.map((_, index) => index < 2 ? "---" : "---:");
  return [head!, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}
