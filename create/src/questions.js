/** Completes what was said on the command line: by what is usual, or by asking. */
import { resolve } from "node:path";
import process from "node:process";
import { checkPair, Misuse } from "./command_line.js";
import { occupiedBy } from "./project.js";
import { packageManagers, runtimes, startedBy, templates } from "./tools.js";

/** Whoever was asked has left. */
export class Cancelled extends Error {
  constructor() {
    super("Nothing was made");
  }
}

/**
 * Asks for what is missing. Where it may not ask, it takes what is usual.
 *
 * @param {Partial<import("./tools.js").Answers>} wish What is known already.
 * @param {object} options
 * @param {boolean} options.yes Whether nothing is to be asked.
 * @param {boolean} options.interactive Whether somebody is there who can be asked.
 * @throws {Misuse} If the folder is not empty, or nobody is there to be asked.
 * @throws {Cancelled} If whoever is asked leaves.
 * @returns {Promise<import("./tools.js").Answers>}
 */
export async function ask(wish, { yes, interactive }) {
  const usual = startedBy();
  // Before any other question: none of them matters if this is refused.
  if (wish.folder !== undefined) await checkFolder(wish.folder);
  if (!yes && !interactive) checkComplete(wish);

  const asker = yes || !interactive ? usualAnswers : await prompts();
  const folder = wish.folder ?? resolve(process.cwd(), await asker.folder("my-app"));
  await checkFolder(folder);
  const template = wish.template ?? await asker.choose("What is it?", templates, "worker");
  const runtime = wish.runtime ??
    await asker.choose("What runs it?", runtimes, runtimeOf(wish.packageManager) ?? usual.runtime);
  const choices = packageManagers[runtime];
  const likely = choices.includes(usual.packageManager) ? usual.packageManager : choices[0];
  const packageManager = wish.packageManager ??
    (choices.length === 1
      ? choices[0]
      : await asker.choose("What installs its packages?", namesOf(choices), likely));
  checkPair(runtime, packageManager);
  return { folder, template, runtime, packageManager };
}

/**
 * @typedef {object} Asker
 * @property {(usual: string) => Promise<string>} folder
 * @property {<Name extends string>(
 *   question: string, choices: Readonly<Partial<Record<Name, string>>>, usual: Name) => Promise<Name>} choose
 */

/** @type {Asker} */
const usualAnswers = {
  folder: (usual) => Promise.resolve(usual),
  choose: (_question, _choices, usual) => Promise.resolve(usual),
};

/**
 * Loaded only where somebody is asked.
 *
 * @returns {Promise<Asker>}
 */
async function prompts() {
  const { intro, isCancel, select, text } = await import("@clack/prompts");
  intro("create-runhost");
  /** @param {unknown} answer */
  const given = (answer) => {
    if (isCancel(answer)) throw new Cancelled();
    return `${answer}`;
  };
  return {
    folder: async (usual) =>
      given(
        await text({
          message: "Where?",
          placeholder: usual,
          defaultValue: usual,
        }),
      ),
    choose: async (message, choices, usual) => {
      const options = Object.entries(choices).map(([value, hint]) => ({
        value,
        hint: `${hint}`,
      }));
      const answer = given(await select({ message, options, initialValue: `${usual}` }));
      return /** @type {typeof usual} */ (answer);
    },
  };
}

/** @param {string} folder */
async function checkFolder(folder) {
  const occupant = await occupiedBy(folder);
  if (occupant !== undefined) {
    throw new Misuse(`${folder} is not empty: there is ${occupant}. Name another folder`);
  }
}

/** @param {Partial<import("./tools.js").Answers>} wish */
function checkComplete(wish) {
  const single = wish.runtime !== undefined && packageManagers[wish.runtime].length === 1;
  const missing = [
    wish.folder === undefined ? "the folder" : "",
    wish.template === undefined ? "--template" : "",
    wish.runtime === undefined ? "--runtime" : "",
    wish.packageManager === undefined && !single ? "--package-manager" : "",
  ].filter((it) => it !== "");
  if (missing.length === 0) return;
  throw new Misuse(
    `This is no terminal, so nobody can be asked: give ${missing.join(", ")}, or --yes`,
  );
}

/** @param {import("./tools.js").PackageManager | undefined} packageManager */
function runtimeOf(packageManager) {
  if (packageManager === undefined || packageManager === "bun") {
    return undefined;
  }
  return packageManager === "deno" ? "deno" : "node";
}

/**
 * @param {readonly import("./tools.js").PackageManager[]} names
 * @returns {Partial<Record<import("./tools.js").PackageManager, string>>}
 */
function namesOf(names) {
  return Object.fromEntries(names.map((name) => [name, ""]));
}
