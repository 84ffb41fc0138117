/**
 * Makes pages of the doc comments of every entry, by `deno doc`, in `api/`; run by `npm run docs:api`.
 *
 * Exits with 1 after a warning, without the page of an entry, and where a link of a page leads nowhere.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import manifest from "../deno.json" with { type: "json" };
import { documentationImports } from "./documentation.ts";
import { deno } from "./runtimes.ts";

const folder = "api";
const sources = `${pathToFileURL(process.cwd())}/`;
const published = `https://github.com/runhost/host/blob/v${manifest.version}/`;

rmSync(folder, { recursive: true, force: true });
const { status, stderr } = spawnSync(
  deno,
  [
    "doc",
    "--quiet",
    "--html",
    `--name=${manifest.name}`,
    `--output=${folder}`,
    `--import-map=${documentationImports}`,
    ...Object.values(manifest.exports),
  ],
  { encoding: "utf8", env: { ...process.env, DENO_NO_PACKAGE_JSON: "1", NO_COLOR: "1" } },
);
if (status !== 0 || stderr !== "") report(stderr || `deno doc: exit code ${status}`);

const pages = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".html"))
  .map((file) => join(folder, file));
for (const page of pages) writeFileSync(page, completed(page, readFileSync(page, "utf8")));

for (const page of pages) {
  for (const link of linksOf(readFileSync(page, "utf8"))) {
    if (!existsSync(join(dirname(page), link))) report(`${page}: there is no ${link}`);
  }
}
if (process.exitCode !== 1) console.log(`${pages.length} pages: ${folder}/index.html`);

/** A page whose links lead somewhere from a file, too, and not into this folder. */
function completed(page: string, text: string): string {
  const links = text.replaceAll(/href="([^"]*)"/g, (_, href: string) => {
    const link = href.replaceAll("&#x2F;", "/").replace(sources, published);
    return `href="${/(^|\/)\.\.?\/$|^\.\.?$/.test(link) ? join(link, "index.html") : link}"`;
  });
  return page === join(folder, "index.html") ? withEntries(links) : links;
}

/** The first page with a list of the other entries, which `deno doc` does not show where one is the main one. */
function withEntries(text: string): string {
  const place = '<div class="toc">\n    <div>';
  if (text.split(place).length !== 2) report("The first page has no place for the entries");
  const items = Object.keys(manifest.exports).filter((key) => key !== ".").map((key) => {
    const page = `${key}/index.html`;
    if (!existsSync(join(folder, page))) report(`${manifest.name}${key.slice(1)} has no page`);
    return `<li><a href="${page}">${key.slice(2)}</a></li>`;
  });
  const list = `<nav class="topSymbols"><h3>Entries</h3><ul>${items.join("")}</ul></nav>`;
  return text.replace(place, `${place}${list}`);
}

/** The files that a page leads to. */
function linksOf(text: string): string[] {
  const links = [...text.matchAll(/href="([^"#]*)/g)].map(([, link]) => decodeURI(link!));
  return [...new Set(links)].filter((link) => link !== "" && !/^(https?|data|mailto):/.test(link));
}

function report(problem: string): void {
  process.exitCode = 1;
  console.log(problem);
}
