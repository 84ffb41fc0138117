/** Faults of the Hono middleware. */
import type { Mutant } from "./mutant.ts";

const file = "src/hono/mod.ts";
const tests = ["tests/hono"];

export const hono: readonly Mutant[] = [
  {
    fault: "the request's signal has the reason that the runtime tells",
    file,
    from: "gone.abort(abortReason(why, reason));",
    to: "gone.abort(reason);",
    tests,
  },
  {
    fault: "the request's signal stays on the host when it has aborted",
    file,
    from: "end(); gone.abort(",
    to: "gone.abort(",
    tests,
  },
  {
    fault: "the request's signal aborts when the stop is asked for, not when the intake closes",
    file,
    from: "watchRequest(c.req.raw.signal, lifetime.closing)",
    to: "watchRequest(c.req.raw.signal, lifetime.stopping)",
    tests,
  },
  {
    fault: "each call gives another signal",
    file,
    from: "if (!watch) { if (returned)",
    to: "if (true) { if (returned)",
    tests,
  },
  {
    fault: "the signal may be asked for after the response",
    file,
    from: "returned = true;",
    to: "",
    tests,
  },
  {
    fault: "a handler that throws leaves listeners",
    file,
    from: "watch?.end(); throw error;",
    to: "throw error;",
    tests,
  },
  {
    fault: "a response without a body leaves listeners",
    file,
    from: "if (!res.body) return watch.end();",
    to: "if (!res.body) return;",
    tests,
  },
  {
    fault: "a response to HEAD leaves listeners",
    file,
    from: 'return watch.left(new AbortError("Nobody reads the body"));',
    to: "return;",
    tests,
  },
  {
    fault: "a body that was read to its end leaves listeners",
    file: "src/hono/_body.ts",
    from: "ended(); controller.close();",
    to: "controller.close();",
    tests,
  },
  {
    fault: "a body that fails leaves listeners",
    file: "src/hono/_body.ts",
    from: "ended(); throw error;",
    to: "throw error;",
    tests,
  },
  {
    fault: "a body is read faster than the client reads it",
    file: "src/hono/_body.ts",
    from: "}, { highWaterMark: 0 });",
    to: "}, { highWaterMark: 8 });",
    tests,
  },
  {
    fault: "work is handed to the host though the request has a context of its own",
    file,
    from: "return c.executionCtx;",
    to: "void c.executionCtx; return host;",
    tests,
  },
];
