/** A host under systemd, played by a socket: what it says on each runtime, and in which order. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bun, deno } from "../../scripts/runtimes.ts";
import { present } from "../_commands.ts";
import { beside } from "./_lanes.ts";
import { Program } from "./_program.ts";
import { fixture, node, type Runtime, tsx } from "./_runtimes.ts";

const test = suite("systemd");
const check = present("a host under systemd", "python3", "systemd-notify")
  ? (name: string, body: () => Promise<void>): void => beside(test, name, body)
  : (name: string): void => test.skip(name);

const folder = mkdtempSync(join(tmpdir(), "runhost-systemd-"));
test.after(() => rmSync(folder, { recursive: true }));

const env = "--allow-env=NOTIFY_SOCKET,WATCHDOG_PID,WATCHDOG_USEC";

/** Those that use systemd-notify. Deno gets the permissions the guide names, and no other. */
const spawning: readonly Runtime[] = [
  node,
  { name: "Deno", command: [deno, "run", "--no-prompt", env, "--allow-run=systemd-notify"] },
  { name: "Bun", command: [bun, "run"] },
];

const datagram: Runtime = {
  name: "Deno with --unstable-net",
  command: [
    ...[deno, "run", "--no-prompt", env],
    ...["--unstable-net", "--allow-net", `--allow-write=${folder}`],
  ],
};

const more = "EXTEND_TIMEOUT_USEC=30000000";

for (const runtime of [...spawning, datagram]) {
  const { name } = runtime;

  check(`${name}: says what the host does, in order`, async () => {
    const manager = await listen();
    const program = start(runtime, "polite", { NOTIFY_SOCKET: manager.socket });
    await manager.prints("READY=1 STATUS=Running");
    program.send("SIGTERM");
    assert.equal(await program.ending, {
      exit: 0,
      stdout: ["main: ready", "main: end"],
      stderr: [],
    });
    const messages = await manager.heard("STATUS=Stopped");
    assert.equal(milestones(messages), ["READY", "STOPPING"]);
    // On a slow machine a message may come together with a later one.
    const [ready, stopping] = [/^READY/, /^STOPPING/].map((it) => messages.findIndex(matches(it)));
    for (const [index, message] of messages.entries()) {
      const [, phase] = /STATUS=(\w+)/.exec(message) ?? [];
      if (phase === "Starting") assert.ok(index < ready!, messages.join("\n"));
      else if (phase === "Stopping") assert.ok(index >= stopping!, messages.join("\n"));
      else assert.ok(phase === "Running" || phase === "Stopped", messages.join("\n"));
    }
    assert.match(messages.at(-1)!, "STATUS=Stopped");
  });

  check(`${name}: says why the start failed before the process ends`, async () => {
    const manager = await listen();
    const program = start(runtime, "broken", { NOTIFY_SOCKET: manager.socket });
    assert.is((await program.ending).exit, 1);
    const messages = await manager.heard("STATUS=Failed to start: pool: Error: No pool");
    assert.equal(milestones(messages), ["STOPPING"]);
  });

  check(`${name}: feeds the watchdog until a heartbeat is missed`, async () => {
    const manager = await listen();
    const program = start(runtime, "silent", {
      NOTIFY_SOCKET: manager.socket,
      WATCHDOG_USEC: "400000",
    });
    await manager.prints("STATUS=Not alive: worker", 2);
    program.send("SIGTERM");
    assert.is((await program.ending).exit, 0);
    const messages = await manager.heard("STATUS=Stopped");
    const starving = messages.indexOf("STATUS=Not alive: worker");
    assert.ok(milestones(messages.slice(0, starving)).includes("WATCHDOG"), messages.join("\n"));
    assert.equal(milestones(messages.slice(starving)), ["STOPPING"]);
  });

  check(`${name}: feeds no watchdog of another process`, async () => {
    const manager = await listen();
    const program = start(runtime, "silent", {
      NOTIFY_SOCKET: manager.socket,
      WATCHDOG_USEC: "100000",
      WATCHDOG_PID: "1",
    });
    await program.prints("main: ready");
    program.send("SIGTERM");
    await program.ending;
    assert.equal(milestones(await manager.heard("STATUS=Stopped")), ["READY", "STOPPING"]);
  });

  check(`${name}: the socket may have an abstract name`, async () => {
    const manager = await listen(`@runhost-test-${process.pid}-${++sockets}`);
    const program = start(runtime, "polite", { NOTIFY_SOCKET: manager.socket });
    await manager.prints("READY=1 STATUS=Running");
    program.send("SIGTERM");
    assert.is((await program.ending).exit, 0);
    assert.equal(milestones(await manager.heard("STATUS=Stopped")), ["READY", "STOPPING"]);
  });

  check(`${name}: a socket that is gone is one warning`, async () => {
    const program = start(runtime, "polite", { NOTIFY_SOCKET: join(folder, "gone") });
    await program.prints("main: ready");
    program.send("SIGTERM");
    const { exit, stderr } = await program.ending;
    assert.is(exit, 0);
    assert.is(stderr.filter(matches(/^Cannot notify systemd: /)).length, 1, stderr.join("\n"));
  });
}

for (const runtime of spawning) {
  const { name } = runtime;

  check(`${name}: without systemd-notify there is one warning`, async () => {
    const manager = await listen();
    const program = start(runtime, "polite", { NOTIFY_SOCKET: manager.socket, PATH: folder });
    await program.prints("main: ready");
    program.send("SIGTERM");
    const { exit, stderr } = await program.ending;
    manager.kill();
    assert.is(exit, 0);
    assert.is(stderr.filter(matches(/^Cannot notify systemd: /)).length, 1, stderr.join("\n"));
  });

  check(`${name}: a systemd-notify that hangs holds the end for a second`, async () => {
    const PATH = command("exec sleep 60");
    const program = start(runtime, "polite", { NOTIFY_SOCKET: "/there/is/a/socket", PATH });
    await program.prints("main: ready");
    const sent = performance.now();
    program.send("SIGTERM");
    const { exit, stdout, stderr } = await program.ending;
    const took = performance.now() - sent;
    assert.is(exit, 0);
    assert.is(stdout.at(-1), "main: end");
    assert.match(stderr[0]!, "Cannot notify systemd: Error: No answer within 1000 ms");
    assert.ok(took > 900 && took < 30_000, `It took ${took} ms`); // a second, not the minute
  });

  check(`${name}: outside systemd nothing is spawned`, async () => {
    const log = join(folder, `log of ${name}`);
    const PATH = command(`echo "$*" >> "${log}"`);
    for (const variables of [{ PATH }, { PATH, NOTIFY_SOCKET: "/there/is/a/socket" }]) {
      const program = start(runtime, "polite", variables);
      await program.prints("main: ready");
      program.send("SIGTERM");
      assert.is((await program.ending).exit, 0);
      assert.is(existsSync(log), "NOTIFY_SOCKET" in variables);
    }
    assert.match(readFileSync(log, "utf8"), /^READY=1 STATUS=Running$/m);
  });
}

for (
  const [name, command, manner] of [
    [node.name, node.command, "parent"],
    ["Deno", [deno, "run", "-A"], "parent"],
    ["Bun", [bun, "run"], "parent"],
    [node.name, node.command, "cluster"],
  ] as const
) {
  const child = manner === "parent" ? "a child process" : "a worker of its cluster";

  check(`${name}: ${child} does not speak for it`, async () => {
    const manager = await listen();
    const program = start({ name, command }, manner, {
      NOTIFY_SOCKET: manager.socket,
    }, "systemd_family.ts");
    assert.equal(await program.ending, {
      exit: 0,
      stdout: ["child: end", "main: end"],
      stderr: [],
    });
    const messages = await manager.heard("STATUS=Stopped");
    assert.equal(milestones(messages), ["READY", "STOPPING"]);
    assert.not.ok(messages.some(matches(/of the child/)), messages.join("\n"));
  });
}

check("tsx: a program that a wrapper has started speaks for the unit", async () => {
  const manager = await listen();
  // `env` becomes the wrapper, whose process id is what systemd would have called the main one.
  const set = `SYSTEMD_EXEC_PID=$$ NOTIFY_SOCKET='${manager.socket}'`;
  const line = `${set} exec "$0" "$@"`;
  const program = new Program(
    ["/bin/sh", "-c", line, process.execPath, tsx, fixture("systemd.ts"), "polite"],
  );
  await manager.prints("READY=1 STATUS=Running");
  program.send("SIGTERM");
  await program.ending;
  assert.equal(milestones(await manager.heard("STATUS=Stopped")), ["READY", "STOPPING"]);
});

check("Deno without the permission to read it says nothing, and asks nobody", async () => {
  const manager = await listen();
  const program = start({ name: "Deno", command: [deno, "run"] }, "polite", {
    NOTIFY_SOCKET: manager.socket,
  });
  await program.prints("main: ready");
  program.send("SIGTERM");
  assert.equal(await program.ending, {
    exit: 0,
    stdout: ["main: ready", "main: end"],
    stderr: [],
  });
  manager.kill();
  assert.equal((await manager.ending).stdout, ["listening"]);
});

/** A socket that messages go to. */
class Manager extends Program {
  readonly socket: string;

  constructor(socket: string) {
    super(["python3", fixture("datagrams.py"), socket]);
    this.socket = socket;
  }

  /** All messages, once the last has come. */
  async heard(last: string): Promise<readonly string[]> {
    // It may be part of what the host had not said yet when it ended.
    const wholes = [last, `${last} ${more}`, `STOPPING=1 ${last} ${more}`];
    await Promise.race(wholes.map((whole) => this.prints(whole)));
    this.kill();
    return (await this.ending).stdout.slice(1);
  }
}

let sockets = 0;

async function listen(socket: string = join(folder, `${++sockets}`)): Promise<Manager> {
  const manager = new Manager(socket);
  await manager.prints("listening");
  return manager;
}

/** A search path on which `systemd-notify` is a script of ours. */
function command(script: string): string {
  const path = mkdtempSync(join(folder, "path-"));
  const file = join(path, "systemd-notify");
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return `${path}:${process.env["PATH"]}`;
}

/** Starts the program with these variables; `env` becomes it, so it is what signals go to. */
function start(
  { command }: Runtime,
  manner: string,
  variables: Readonly<Record<string, string>>,
  file: string = "systemd.ts",
): Program {
  const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return new Program(["/usr/bin/env", ...set, ...command, fixture(file), manner]);
}

function matches(pattern: RegExp): (text: string) => boolean {
  return (text) => pattern.test(text);
}

/** The messages that mean more than words. */
function milestones(messages: readonly string[]): string[] {
  return messages.flatMap((message) => /^(READY|STOPPING|WATCHDOG)=1/.exec(message)?.[1] ?? []);
}

test.run();
