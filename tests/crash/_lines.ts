import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";

/** A file that several processes add lines to, each line in one call. */
export interface Lines {
  /** Adds a line. */
  add(line: string): void;
  /** Adds lines, and waits for the disk. */
  addForGood(lines: readonly string[]): void;
  close(): void;
}

/** Opens a file of lines with `O_APPEND`. */
export function openLines(path: string): Lines {
  const file = openSync(path, "a");
  return {
    add: (line) => void writeSync(file, `${line}\n`),
    addForGood(lines) {
      writeSync(file, lines.map((it) => `${it}\n`).join(""));
      fsyncSync(file);
    },
    close: () => closeSync(file),
  };
}

/** The lines of a file that are complete; none if there is no such file. */
export function readLines(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  return text.split("\n").slice(0, -1);
}
