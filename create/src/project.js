/** The files of a program, from those of its template. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, startedBy } from "./tools.js";

const templatesFolder = fileURLToPath(new URL("../templates/", import.meta.url));

/** What a template calls its program, in its files and in their names. */
const placeholder = "my-app";

/**
 * What is in the way of a program in a folder, `undefined` if nothing is. A new repository is not.
 *
 * @param {string} folder
 */
export async function occupiedBy(folder) {
  try {
    return (await readdir(folder)).find((name) => name !== ".git");
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === "ENOENT") return undefined;
    if (code === "ENOTDIR") return "a file of that name";
    throw error;
  }
}

/**
 * What a program is called: the name of its folder, as npm, Docker and Kubernetes all take it.
 *
 * @param {string} folder
 */
export function nameOf(folder) {
  const name = basename(folder).normalize("NFKD").toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^[^a-z]+|-+$/g, "").slice(0, 50);
  return name === "" ? placeholder : name.replace(/-+$/, "");
}

/**
 * Writes the program: what all have, what all of its runtime have, its template's files, and those for
 * its runtime. Of two with the same name the later one stays.
 *
 * @param {import("./tools.js").Answers} answers
 * @returns {Promise<number>} How many files there are.
 */
export async function writeProject(answers) {
  const { folder, template, runtime } = answers;
  const name = nameOf(folder);
  /** @type {Map<string, string>} */
  const files = new Map();
  for (
    const layer of [
      "all/shared",
      `all/${runtime}`,
      `${template}/shared`,
      `${template}/${runtime}`,
    ]
  ) {
    for (const [path, text] of await readLayer(join(templatesFolder, layer))) {
      files.set(path, text);
    }
  }
  const written = forPackageManager(files, answers);
  for (const [path, text] of written) {
    // npm leaves a file `.gitignore` out of every package.
    const target = join(
      folder,
      path.replaceAll(placeholder, name).replace(/(^|[\\/])_gitignore$/, "$1.gitignore"),
    );
    await mkdir(dirname(target), { recursive: true });
    // Never over a file that came here in the meantime.
    await writeFile(target, text.replaceAll(placeholder, name), { flag: "wx" });
  }
  return written.size;
}

/**
 * @param {string} folder
 * @returns {Promise<(readonly [path: string, text: string])[]>}
 */
async function readLayer(folder) {
  const entries = await readdir(folder, {
    recursive: true,
    withFileTypes: true,
  }).catch((error) => {
    if (error.code === "ENOENT") return []; // nothing that only this one has
    throw error;
  });
  return await Promise.all(
    entries.filter((entry) => entry.isFile()).map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const text = await readFile(path, "utf8");
      return /** @type {const} */ ([path.slice(folder.length + 1), text]);
    }),
  );
}

/**
 * The files as the package manager of the program wants them. Templates have npm's commands for Node,
 * Bun's for Bun and Deno's for Deno; texts that all share have npm's.
 *
 * @param {ReadonlyMap<string, string>} files
 * @param {import("./tools.js").Answers} answers
 */
function forPackageManager(files, { runtime, packageManager }) {
  const changed = new Map(files);
  /**
   * @param {string} path
   * @param {(text: string) => string} change
   */
  const edit = (path, change) => {
    const text = changed.get(path);
    if (text !== undefined) changed.set(path, change(text));
  };
  edit("README.md", (text) =>
    text
      .replaceAll("npm install", `${packageManager} install`)
      .replaceAll("npm run", run[packageManager]));
  const docker = runtime === "node" ? dockerInstalls[packageManager] : undefined;
  if (docker !== undefined) {
    edit("Dockerfile", (text) =>
      text
        .replaceAll("package-lock.json", docker.lockFile)
        .replace("RUN npm ci", `RUN ${docker.install}`));
  }
  if (packageManager === "yarn") {
    // Node finds packages in node_modules alone; Yarn 1 knows nothing else, and no such file.
    changed.set(".yarnrc.yml", "nodeLinker: node-modules\n");
    edit("Dockerfile", (text) => text.replace(/^COPY package.json /m, "$&.yarnrc.yml "));
    const { packageManager: starter, version } = startedBy();
    // By it Corepack takes the same Yarn everywhere; without it Yarn 1.
    if (starter === "yarn" && version !== undefined && !version.startsWith("1.")) {
      edit(
        "package.json",
        (text) => text.replace(/^ {2}"type":/m, `  "packageManager": "yarn@${version}",\n$&`),
      );
    }
  }
  return changed;
}

/**
 * What a Dockerfile does to install what the program needs, where it is not npm that does.
 *
 * @type {Partial<Record<import("./tools.js").PackageManager, { lockFile: string, install: string }>>}
 */
const dockerInstalls = {
  pnpm: {
    lockFile: "pnpm-lock.yaml",
    install: "corepack enable && pnpm install --frozen-lockfile --prod",
  },
  yarn: {
    lockFile: "yarn.lock",
    install: "corepack enable && yarn install --frozen-lockfile",
  },
  bun: {
    lockFile: "bun.lock",
    install: "npm install --global bun@1.4 && bun install --frozen-lockfile --production",
  },
};
