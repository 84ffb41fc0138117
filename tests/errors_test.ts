import { test } from "uvu";
import * as assert from "uvu/assert";
import { ForcedStopError, HostStateError, type Phase, ServiceTimeoutError } from "../mod.ts";

test("ServiceTimeoutError names service, phase and elapsed time, and carries them", () => {
  const error = new ServiceTimeoutError({ service: "mailer", phase: "stop", elapsed: 25_000 });
  assert.instance(error, Error);
  assert.is(error.name, "ServiceTimeoutError");
  assert.is(error.code, "ERR_SERVICE_TIMEOUT");
  assert.is(error.service, "mailer");
  assert.is(error.phase, "stop");
  assert.is(error.elapsed, 25_000);
  assert.is(error.message, 'Cannot stop service "mailer": still running after 25000 ms');
});

const verbs: Readonly<Record<Phase, string>> = {
  waitForStart: 'finish "waitForStart" of service',
  starting: 'finish "starting" of service',
  start: "start service",
  started: 'finish "started" of service',
  execute: 'finish "execute" of service',
  waitUntil: 'finish "waitUntil" of service',
  stopping: 'finish "stopping" of service',
  stop: "stop service",
  stopped: 'finish "stopped" of service',
  dispose: "dispose service",
};

for (const [phase, verb] of Object.entries(verbs) as [Phase, string][]) {
  test(`ServiceTimeoutError has words for ${phase}`, () => {
    const { message } = new ServiceTimeoutError({ service: "mailer", phase, elapsed: 5 });
    assert.is(message, `Cannot ${verb} "mailer": still running after 5 ms`);
  });
}

test("ForcedStopError lists what was abandoned, and keeps its cause", () => {
  const abandoned = [
    { service: "mailer", phase: "stop", elapsed: 5 },
    { service: "worker", phase: "execute", elapsed: 10 },
  ] as const;
  const cause = new Error("why");
  const error = new ForcedStopError(abandoned, { cause });
  assert.instance(error, Error);
  assert.is(error.name, "ForcedStopError");
  assert.is(error.code, "ERR_FORCED_STOP");
  assert.equal(error.abandoned, abandoned);
  assert.is(error.cause, cause);
  assert.is(
    error.message,
    'Forced to stop: still running: "mailer" (stop, 5 ms), "worker" (execute, 10 ms)',
  );
});

test("HostStateError has a code", () => {
  const error = new HostStateError("Cannot do that");
  assert.instance(error, Error);
  assert.is(error.name, "HostStateError");
  assert.is(error.code, "ERR_HOST_STATE");
  assert.is(error.message, "Cannot do that");
});

test("errors have a stack that says where they were made", () => {
  const errors = [
    new ServiceTimeoutError({ service: "a", phase: "stop", elapsed: 1 }),
    new ForcedStopError([]),
    new HostStateError("x"),
  ];
  for (const { stack } of errors) assert.match(stack as string, "errors_test");
});

test.run();
