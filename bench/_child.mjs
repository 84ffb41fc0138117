/** Starts programs on the runtime that runs this one, as one that measures them from outside. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";

const flags = "Deno" in globalThis ? ["run", "--quiet", "-A", "--node-modules-dir=manual"] : [];

/** Starts a program, which is killed with this one. Gives its process. */
export function start(url, ...args) {
  const child = spawn(
    process.execPath,
    [...flags, fileURLToPath(url), ...args],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  child.stdout.setEncoding("utf8");
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return child;
}

/** Runs a program to its end. Gives the milliseconds from its start on; fails if it fails. */
export async function run(url) {
  const begun = performance.now();
  const [code] = await once(start(url), "exit");
  const ended = performance.now();
  if (code !== 0) throw new Error(`${url} ended with ${code}`);
  return ended - begun;
}

/** Says where this program listens, to the one that started it. */
export const tellPort = (port) => console.log(`port ${port}`);

/** Waits until a program has said so. */
export async function portOf({ stdout }) {
  let text = "";
  for (;;) {
    const [chunk] = await once(stdout, "data");
    text += chunk;
    const found = /^port (\d+)$/m.exec(text);
    if (found) return Number(found[1]);
  }
}
