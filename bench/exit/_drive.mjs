/** Sends SIGTERM to servers and waits for their end; shared by the programs beside it. */
import { once } from "node:events";
import process from "node:process";
import { portOf, start, tellPort } from "../_child.mjs";
import { program, sample } from "../program.mjs";

const url = new URL(`file://${process.argv[1]}`);

/**
 * @param serve Runs a server that calls `listening(port)`, and after a SIGTERM closes it, calls
 * `closed()` and ends the process. It is called in a process of its own.
 */
export async function drive(serve) {
  if (process.argv[2] === "serve") {
    return serve({ listening: tellPort, closed });
  }
  await program(check, measure);
}

/** The last thing a server does: what it opened besides is closed here. */
function closed() {
  console.log("closed");
}

async function check() {
  const { port, output, end } = await begin();
  const { ok } = await fetch(`http://127.0.0.1:${port}/`, {
    headers: { connection: "close" },
  });
  await end();
  return { ok, last: output().trim().split("\n").at(-1) };
}

async function measure(full) {
  return { "an idle server": await sample(once, full ? 800 : 200) };

  async function once() {
    const { end } = await begin();
    return end();
  }
}

async function begin() {
  const child = start(url, "serve");
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  const port = await portOf(child);
  const end = async () => {
    const over = once(child, "exit");
    const flushed = once(child.stdout, "end");
    const begun = performance.now();
    child.kill("SIGTERM");
    await over;
    const ended = performance.now();
    await flushed;
    return ended - begun;
  };
  return { port, output: () => text, end };
}
