/** What CHANGELOG.md says of a version. */
import { readFileSync } from "node:fs";

/** A section of the changelog. */
export interface Section {
  /** As in its heading; `undefined` where there is none. */
  readonly date: string | undefined;
  /** What is under the heading. */
  readonly notes: string;
}

/** The section of a version, or of `Unreleased`; `undefined` if there is none. */
export function section(version: string): Section | undefined {
  const [, ...sections] = readFileSync("CHANGELOG.md", "utf8").split(/^## /m);
  for (const text of sections) {
    const [heading = "", ...lines] = text.split("\n");
    const [, name, date] = /^\[?([^\]\s]+)\]?(?: - (.+))?$/.exec(heading) ?? [];
    if (name !== version) continue;
    // The addresses of all versions are at the end of the file, behind the last section.
    const notes = lines.filter((line) => !/^\[[^\]]+\]: /.test(line)).join("\n").trim();
    return { date, notes };
  }
  return undefined;
}
