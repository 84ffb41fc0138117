/**
 * The library under test: what `npm run build` made on Node and Bun, the source on Deno; as each
 * of them gets it from its registry.
 */
const source = "Deno" in globalThis;

/** The URL of one of its modules, `src/channels/mod` say, for a program that imports it itself. */
export const libraryUrl = (name) =>
  new URL(source ? `../${name}.ts` : `../dist/${name}.js`, import.meta.url)
    .href;

/** The entry of this runtime that has `runHost`. */
export const runtimeEntry = `src/runtime/${source ? "deno" : "Bun" in globalThis ? "bun" : "node"}`;

/** Imports one of its modules. */
export const library = (name) => import(libraryUrl(name));
