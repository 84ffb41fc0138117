/** Keeps a server busy and counts its answers; shared by the programs beside it. */
import { once } from "node:events";
import { connect } from "node:net";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { portOf, start, tellPort } from "../_child.mjs";
import { expect, program } from "../program.mjs";

const url = new URL(`file://${process.argv[1]}`);
const connections = 32;
const request = "GET /hello/Ada HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** The routes of all variants. */
export function routes(app) {
  return app.get(
    "/hello/:name",
    (c) => c.text(`Hello, ${c.req.param("name")}!`),
  );
}

/** @param serve Serves, and gives the port. It is called in a process of its own. */
export async function drive(serve) {
  if (process.argv[2] === "serve") return tellPort(await serve());
  await program(check, measure);
}

async function check() {
  const { port, end } = await begin();
  const response = await fetch(`http://127.0.0.1:${port}/hello/Ada`, {
    headers: { connection: "close" },
  });
  const found = { status: response.status, text: await response.text() };
  await end();
  return found;
}

/** Thousands of requests a second. */
async function measure(full) {
  const { port, end } = await begin();
  await load(port, full ? 800 : 300); // code is warm
  const milliseconds = full ? 2_000 : 500;
  const answers = await load(port, milliseconds);
  await end();
  return { "a short text": answers / milliseconds };
}

async function begin() {
  const child = start(url, "serve");
  const port = await portOf(child);
  const end = async () => {
    const over = once(child, "exit");
    child.kill("SIGKILL");
    await over;
  };
  return { port, end };
}

/** How many requests are answered in so long, on connections that each wait for their answer. */
async function load(port, milliseconds) {
  const { promise, fail, stop } = deadline(milliseconds);
  const sockets = Array.from(
    { length: connections },
    () => connect(port, "127.0.0.1"),
  );
  let answers = 0;
  for (const socket of sockets) {
    let [length, received] = [0, 0];
    socket.setNoDelay(true);
    socket.once("connect", () => socket.write(request));
    socket.once("error", fail);
    socket.once("end", () => fail(new Error("The server closed a connection")));
    socket.on("data", (chunk) => {
      // All answers are of one length: what the first one shows to be whole.
      length ||= lengthOf(chunk.toString("latin1"));
      received += chunk.length;
      if (received < length) return;
      expect("bytes of an answer", received, length);
      received = 0;
      answers++;
      socket.write(request);
    });
  }
  try {
    await promise;
  } finally {
    stop();
    for (const socket of sockets) socket.removeAllListeners().destroy();
  }
  return answers;
}

/** The bytes of an answer, head and body. */
function lengthOf(text) {
  expect("answer", text.startsWith("HTTP/1.1 200 "), true);
  const head = text.indexOf("\r\n\r\n") + 4;
  return head + Number(/content-length: (\d+)/i.exec(text)[1]);
}

function deadline(milliseconds) {
  let [fail, timer] = [() => {}, undefined];
  const promise = new Promise((resolve, reject) => {
    fail = reject;
    timer = setTimeout(resolve, milliseconds);
  });
  return { promise, fail, stop: () => clearTimeout(timer) };
}
