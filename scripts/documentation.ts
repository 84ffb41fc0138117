/** What `deno doc` is told of the packages that the sources import. */
import manifest from "../deno.json" with { type: "json" };

// The types of a peer are documented by the peer, which is why a module of Node stands for each.
const imports = Object.fromEntries(
  Object.keys(manifest.imports).map((name) => [name, "node:process"]),
);

/** An import map, as an address. */
export const documentationImports: string = `data:application/json,${
  encodeURIComponent(JSON.stringify({ imports }))
}`;
