/** Faults of the servers of Node, and of what all servers share. */
import type { Mutant } from "./mutant.ts";

const watch = "src/runtime/servers/_node_watch.ts";
const node = "src/runtime/servers/_node_server.ts";
const shared = "src/runtime/servers/_http_server.ts";
const drain = ["tests/node_server", "tests/http_server"];

export const servers: readonly Mutant[] = [
  {
    fault: "closeIdleConnections is Node's own",
    file: watch,
    from: 'restored.push(replace(server, "closeIdleConnections", nothing));',
    to: "",
    tests: drain,
  },
  {
    fault: "checkContinue is not counted",
    file: watch,
    from: 'checkContinue: seen["request"]!,',
    to: "",
    tests: ["tests/node_server"],
  },
  {
    fault: "checkExpectation is not counted",
    file: watch,
    from: 'checkExpectation: seen["request"]!,',
    to: "",
    tests: ["tests/node_server"],
  },
  {
    fault: "a request that is handed on is counted twice",
    file: watch,
    from: "if (it.open.has(response)) return; it.request",
    to: "it.request",
    tests: ["tests/node_server"],
  },
  {
    fault: "GOAWAY is sent twice",
    file: watch,
    from: "if (it.warned !== undefined || it.session!.destroyed) return;",
    to: "if (it.session!.destroyed) return;",
    tests: ["tests/node_server"],
  },
  {
    fault: "a session is not told in the drain delay to go",
    file: watch,
    from: "if (leaving(host) && !it.late) warn(it);",
    to: "",
    tests: ["tests/node_server"],
  },
  {
    fault: "a client that comes back in the drain delay finds nobody who serves",
    file: watch,
    from: "if (leaving(host) && !it.late) warn(it);",
    to: "if (leaving(host)) warn(it);",
    tests: ["tests/node_server"],
  },
  {
    fault: "a session whose other side has vanished holds the stop",
    file: watch,
    from: "later(it, patience, () => it.socket.destroy());",
    to: "{};",
    tests: ["tests/node_server"],
  },
  {
    fault: "a connection that was just promised keep-alive is closed",
    file: watch,
    from: "if (wait <= 0) return leave(it);",
    to: "if (wait <= Infinity) return leave(it);",
    tests: drain,
  },
  {
    fault: "an answer during the drain delay does not say Connection: close",
    file: watch,
    from: "if (leaving(host)) dismiss(it, response);",
    to: "",
    tests: drain,
  },
  {
    fault: "an answer that had begun before the stop does not say Connection: close",
    file: watch,
    from: "if (response && !it.session) dismiss(it, response as NodeResponse);",
    to: "",
    tests: drain,
  },
  {
    fault: "each of several answers says Connection: close",
    file: watch,
    from: 'if (it.last && !it.last.headersSent) it.last.removeHeader("Connection");',
    to: "",
    tests: ["tests/node_server"],
  },
  {
    fault: "something of the watch is left on the server",
    file: watch,
    from: "events.clear(); restore();",
    to: "events.clear();",
    tests: drain,
  },
  {
    fault: "a server keeps its listener for errors after the stop",
    file: node,
    from: 'server.off("error", fail);',
    to: "",
    tests: drain,
  },
  {
    fault: "a server with nobody who makes it listen hangs for ever",
    file: node,
    from: "clearTimer = startTimer(clock, hesitation, () => {",
    to: "clearTimer = startTimer(clock, Infinity, () => {",
    tests: ["tests/node_server"],
  },
  {
    fault: "a server that listens already is given a port",
    file: node,
    from: "if (server.listening) { throw",
    to: "if (!server) { throw",
    tests: ["tests/node_server"],
  },
  {
    fault: "those who are on their way are not accepted",
    file: node,
    from: "for (let turns = 0; turns < 2; turns++) await turn();",
    to: "",
    tests: drain,
  },
  {
    fault: "a server that was cut while it opened goes on listening",
    file: shared,
    from: "context.waitUntil(opened.close()); opened.cut(); throw signal.reason;",
    to: "throw signal.reason;",
    tests: drain,
  },
  {
    fault: "a cut of nothing is an error",
    file: shared,
    from: "if (Object.values(cut).every((count) => count === 0)) resolve(undefined); else reject(",
    to: "reject(",
    tests: drain,
  },
  {
    fault: "a cut of requests is no error",
    file: shared,
    from: "if (Object.values(cut).every((count) => count === 0)) resolve(undefined);",
    to: "if (cut) resolve(undefined);",
    tests: drain,
  },
];
