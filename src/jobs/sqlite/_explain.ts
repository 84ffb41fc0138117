import { textOf } from "../../_log.ts";

/** What SQLite says, and what to do then. Its texts are the same in all drivers, whose codes are not. */
const advice: readonly (readonly [RegExp, string])[] = [
  [/disk is full/, "make room on its disk; what was confirmed is stored, what rejects is not"],
  [
    /readonly database|read-only/,
    "let this process write the file, and the folder it is in: SQLite keeps two more files beside it",
  ],
  [
    /unable to open (database file|connection)|permission denied|EACCES|EPERM|EROFS|ENOTDIR|EEXIST|NotCapable|access to/i,
    "let this process read and write the file and its folder, or give another path",
  ],
  [/not a database/, "this is another file; give a path of its own"],
  [/malformed/, "the file is damaged: restore it from a backup, or move it away to begin anew"],
  [/disk I\/O error/, "look after its disk; a network file system cannot be used"],
  [/no such table: runhost/, "its tables are gone, or it is another file than the storage's"],
];

/** The same error for an operator: which file, and what to do. */
export function explain(cause: unknown, path: string): unknown {
  const text = textOf(cause);
  const [, what] = advice.find(([sign]) => sign.test(text)) ?? [];
  return what ? new Error(`Cannot use SQLite file "${path}": ${text}: ${what}`, { cause }) : cause;
}

/** Whether somebody else writes, or has changed what was read. */
export function isLocked(error: unknown): boolean {
  return /database( table| schema)? is locked/.test(textOf(error));
}
