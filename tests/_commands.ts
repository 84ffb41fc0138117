/**
 * Commands of the system that some tests need and not every machine has.
 *
 * @module
 */

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** Whether all of them are there; says loudly what goes untested otherwise. */
export function present(subject: string, ...commands: readonly string[]): boolean {
  const absent = commands.filter((command) => !isOnPath(command));
  if (absent.length === 0) return true;
  console.log(`\nNOT TESTED: ${subject}; not on this machine: ${absent.join(", ")}`);
  return false;
}

function isOnPath(command: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
