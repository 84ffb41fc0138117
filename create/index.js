#!/usr/bin/env node
/** The command `create-runhost`: reads the command line, asks for the rest, writes a program. */
import { relative } from "node:path";
import process from "node:process";
import { ask, Cancelled } from "./src/questions.js";
import { help, Misuse, readCommandLine } from "./src/command_line.js";
import { nameOf, writeProject } from "./src/project.js";
import { commandsOf, nodeProblem } from "./src/tools.js";
import { version } from "./src/version.js";

try {
  const { wish, yes, show } = readCommandLine(process.argv.slice(2));
  if (show === "help") console.log(help);
  else if (show === "version") console.log(version);
  else {
    const answers = await ask(wish, {
      yes,
      interactive: process.stdin.isTTY === true,
    });
    const files = await writeProject(answers);
    const { install, start } = commandsOf(answers);
    const folder = relative(process.cwd(), answers.folder);
    const problem = nodeProblem(answers.runtime);
    const told = [
      `\nMade ${
        nameOf(answers.folder)
      } from the template ${answers.template}: ${files} files. Next:\n`,
      `  ${folder === "" ? install : `cd ${quoted(folder)} && ${install}`}`,
      `  ${start}\n`,
    ];
    if (problem !== undefined) told.push(`${problem}\n`);
    console.log(told.join("\n"));
  }
} catch (error) {
  process.exitCode = 1;
  // A bug, and a disk that is full, are told with all they have.
  if (error instanceof Misuse || error instanceof Cancelled) {
    console.error(error.message);
  } else console.error(error);
}

/**
 * A path as a shell takes it.
 *
 * @param {string} path
 */
function quoted(path) {
  return /^[\w./\\:@-]+$/.test(path) ? path : JSON.stringify(path);
}
