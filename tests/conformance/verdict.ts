/**
 * Judges recordings: whether we agree, and if not, why, in a form one can debug from.
 *
 * @module
 */

import { disagreement } from "./agreement.ts";
import type { CronGolden, Fixture, LifecycleGolden, Moment, Scenario } from "./fixture.ts";
import { type Entry, moments, type Recording } from "./recording.ts";
import { replay } from "./replay.ts";
import { replayChannel } from "./replay_channel.ts";
import { replayCron } from "./replay_cron.ts";
import { replayTimer } from "./replay_timer.ts";
import { rules } from "./rules/mod.ts";
import { Story } from "./rules/story.ts";

/** What became of one recording. */
export interface Verdict {
  readonly id: string;
  /** What it was judged by: `agrees with .NET`, `agrees with Cronos`, or a rule. */
  readonly by: string;
  /** What is wrong with it, in one line. */
  readonly wrong?: string;
  /** Everything needed to see why. */
  readonly details?: string;
}

const parity = "agrees with .NET";

/** Plays every recording of a file, one after the other. */
export async function judge(fixture: Fixture): Promise<readonly Verdict[]> {
  switch (fixture.kind) {
    case "lifecycle":
      return await each(fixture.golden, judgeLifecycle);
    case "timers":
      return await each(fixture.golden, (golden) => judgeSteps(golden, replayTimer));
    case "channels":
      return await each(fixture.golden, (golden) => judgeSteps(golden, replayChannel));
    case "cron":
      return await each(fixture.golden, judgeCron);
  }
}

/** Counts by what was judged, and the first failure in full. */
export function report(verdicts: readonly Verdict[]): string {
  const counts = new Map<string, { total: number; wrong: number }>();
  for (const { by, wrong } of verdicts) {
    const count = counts.get(by) ?? { total: 0, wrong: 0 };
    count.total++;
    if (wrong) count.wrong++;
    counts.set(by, count);
  }
  const lines = Array.from(
    counts,
    ([by, { total, wrong }]) => `${String(total - wrong).padStart(6)} of ${total}: ${by}`,
  );
  const failures = verdicts.filter(({ wrong }) => wrong);
  if (failures.length === 0) return lines.join("\n");
  return [
    ...lines,
    `${failures.length} disagree:`,
    ...failures.map(({ id, by, wrong }) => `  ${id} (${by}): ${wrong}`),
    `The first, in full: ${failures[0]?.id}`,
    failures[0]?.details,
  ].join("\n");
}

async function each<Golden>(
  goldens: readonly Golden[],
  judgeOne: (golden: Golden) => Promise<Verdict>,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const golden of goldens) verdicts.push(await judgeOne(golden));
  return verdicts;
}

async function judgeSteps<Golden extends { readonly id: string }>(
  golden: Golden,
  play: (golden: Golden) => Promise<string | undefined>,
): Promise<Verdict> {
  const { id } = golden;
  const wrong = await play(golden).catch(crash);
  return wrong ? { id, by: parity, wrong, details: JSON.stringify(golden) } : { id, by: parity };
}

async function judgeCron(golden: CronGolden): Promise<Verdict> {
  const { pattern, timeZone, from } = golden;
  const id = `${pattern} in ${timeZone} from ${new Date(from).toISOString()}`;
  const wrong = await replayCron(golden).catch(crash);
  const by = "agrees with Cronos";
  return wrong ? { id, by, wrong, details: JSON.stringify(golden) } : { id, by };
}

async function judgeLifecycle(golden: LifecycleGolden): Promise<Verdict> {
  const { scenario: { id }, differs } = golden;
  const by = differs?.rule ?? parity;
  let recording: Recording | undefined;
  let wrong: string | undefined;
  try {
    recording = await replay(golden.scenario, differs ? "settled" : "as recorded");
    const until = differs?.moment;
    wrong = disagreement(
      golden.moments.slice(0, until),
      moments(recording.entries).slice(0, until),
    );
    if (!wrong && differs) wrong = broken(new Story(recording), golden, differs.rule);
  } catch (error) {
    wrong = crash(error);
  }
  if (!wrong) return { id, by };
  return { id, by, wrong, details: details(golden, recording?.entries ?? []) };
}

function broken(story: Story, golden: LifecycleGolden, name: string): string | undefined {
  const rule = rules.get(name);
  if (!rule) return `no check for the rule "${name}"`;
  return rule(story, golden).join("; ") || undefined;
}

function crash(error: unknown): string {
  return `cannot be replayed: ${error instanceof Error ? error.stack : error}`;
}

function details(golden: LifecycleGolden, entries: readonly Entry[]): string {
  const differs = golden.differs
    ? `from moment ${golden.differs.moment}: ${golden.differs.rule}`
    : "every moment must agree";
  return [
    ...scenarioLines(golden.scenario),
    `.NET (${differs}):`,
    ...golden.moments.map(momentLine),
    "Here:",
    ...moments(entries).map(momentLine),
  ].join("\n");
}

function scenarioLines({ options, services, lifetime, script, until }: Scenario): string[] {
  return [
    `  options ${JSON.stringify(options ?? {})}, until ${until}`,
    ...services.map((service) => `  ${JSON.stringify(service)}`),
    `  host lifetime ${JSON.stringify(lifetime ?? {})}`,
    `  script ${JSON.stringify(script)}`,
  ];
}

function momentLine({ at, events }: Moment, index: number): string {
  return `  ${index}: ${String(at).padStart(6)} ms  ${events.join(", ")}`;
}
