/**
 * What a Dockerfile makes of a folder, without Docker: its instructions, carried out in another folder.
 *
 * @module
 */

import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What would be in a container. */
export interface Image {
  /** The folder of `WORKDIR`. */
  readonly folder: string;
  /** What `CMD` starts. */
  readonly command: readonly [string, ...string[]];
  /** What `ENV` sets. */
  readonly env: Readonly<Record<string, string>>;
}

/** Steps that are about the image alone: the user, and what is installed for all of it. */
const ofTheImage = [
  /^corepack enable && /,
  /^npm install --global \S+ && /,
  / && chown \S+ \S+$/,
];

/** Carries out the Dockerfile of a folder; `run` runs a line of it in a folder, with an environment. */
export async function buildImage(
  source: string,
  folder: string,
  run: (line: string, folder: string, env: Record<string, string>) => Promise<unknown>,
): Promise<Image> {
  mkdirSync(folder);
  const ignored = readFileSync(join(source, ".dockerignore"), "utf8").trim()
    .split("\n").map(glob);
  const there = readdirSync(source).filter((name) => !ignored.some((it) => it.test(name)));
  const env: Record<string, string> = {};
  let command: Image["command"] | undefined;
  const lines = readFileSync(join(source, "Dockerfile"), "utf8").split("\n");
  for (const line of lines.filter((it) => it !== "" && !it.startsWith("#"))) {
    const [, instruction = "", rest = ""] = /^(\w+) (.*)$/.exec(line) ?? [];
    switch (instruction) {
      case "ENV": {
        const [name = "", value = ""] = rest.split("=");
        env[name] = value;
        break;
      }
      case "COPY": {
        for (const pattern of rest.split(" ").slice(0, -1)) {
          const names = there.filter((name) => glob(pattern).test(name));
          if (names.length === 0) {
            throw new Error(`Nothing to copy: ${pattern}`);
          }
          for (const name of names) {
            cpSync(join(source, name), join(folder, name));
          }
        }
        break;
      }
      case "RUN":
        await run(ofTheImage.reduce((it, what) => it.replace(what, ""), rest), folder, env);
        break;
      case "CMD":
        command = JSON.parse(rest);
        break;
      case "FROM":
      case "WORKDIR":
      case "USER":
      case "EXPOSE":
      case "STOPSIGNAL":
      case "VOLUME":
        break;
      default:
        throw new Error(`Unknown: ${line}`);
    }
  }
  if (command === undefined) throw new Error("There is no CMD");
  return { folder, command, env };
}

function glob(pattern: string): RegExp {
  const text = pattern.replace(/\/$/, "").replaceAll(".", "\\.").replaceAll("*", "[^/]*");
  return new RegExp(`^${text}$`);
}
