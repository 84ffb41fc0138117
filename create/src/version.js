import { readFileSync } from "node:fs";

/**
 * The version of this package, which is that of the `@runhost/host` that its templates ask for.
 *
 * @type {string}
 */
export const version = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
  .version;
