/** What `examples/deploy` and its guides say: true of each other, of the program and of the host. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readSettings } from "../../src/_host/settings.ts";
import { present } from "../_commands.ts";
import { Example, runtimes } from "./_example.ts";

const main = read("examples/deploy/main.ts");
const dockerfile = read("examples/deploy/Dockerfile");
const unit = read("examples/deploy/runhost.service");
const manifest = read("examples/deploy/kubernetes.yaml");
const guides = ["docker", "kubernetes", "systemd"].map((name) => read(`docs/${name}.md`));

const { shutdownTimeout, abandonTimeout } = readSettings({});
const limit = (shutdownTimeout + abandonTimeout) / 1_000;

/** The ports of the program. */
const [web, probes] = [/ PORT = "(\d+)"/, / PROBE_PORT = "(\d+)"/].map((it) => first(main, it));

test("examples/deploy/main.ts drains: not ready, still serving, then gone", async () => {
  const program = new Example(runtimes[0]!, ["deploy/main.ts"], {
    PORT: "0",
    PROBE_PORT: "0",
    DRAIN_DELAY: "1000",
  });
  const probe = new URL("/", await program.prints(/"probes": listening on (\S+)\n/)).href;
  const site = await program.prints(/"web": listening on (\S+)\n/);
  for (const path of ["livez", "startupz"]) {
    assert.is((await fetch(probe + path)).status, 200, path);
  }
  while ((await fetch(`${probe}readyz`)).status !== 200);
  program.send("SIGTERM");
  while ((await fetch(`${probe}readyz`)).status !== 503);
  assert.is(await (await fetch(site)).text(), "Hello\n");
  assert.is((await fetch(`${probe}livez`)).status, 200);
  assert.is(await program.exit, 0, program.output);
});

test("the ports of the manifests are those of the program", () => {
  for (const file of ["Dockerfile", "Dockerfile.deno", "Dockerfile.bun"]) {
    assert.is(first(read(`examples/deploy/${file}`), /^EXPOSE (.*)$/m), `${web} ${probes}`);
  }
  assert.equal(all(manifest, /containerPort: (\d+)/g), [web, probes]);
  assert.is(
    first(manifest, /name: (\w+), containerPort: 8080/),
    first(manifest, /targetPort: (\w+)/),
  );
  assert.equal(all(manifest, /httpGet: { path: (\S+), port: probes }/g), [
    "/startupz",
    "/livez",
    "/readyz",
  ]);
});

test("a whole stop fits into what the manifests grant", () => {
  assert.is(limit, 27);
  assert.ok(Number(first(manifest, /terminationGracePeriodSeconds: (\d+)/)) > limit);
  assert.ok(Number(first(unit, /^TimeoutStopSec=(\d+)$/m)) > limit);
  assert.ok(Number(first(manifest, /DRAIN_DELAY, value: "(\d+)"/)) < shutdownTimeout);
  assert.match(main, /DRAIN_DELAY = "0"/);
  for (const option of [/--stop-timeout (\d+)/, /stop_grace_period: (\d+)s/]) {
    assert.ok(Number(first(guides.join(), option)) > limit);
  }
});

test("the manifests start the program itself", () => {
  assert.is(first(dockerfile, /^CMD (.*)$/m), '["node", "main.ts"]');
  assert.match(dockerfile, /^COPY \*.ts /m);
  assert.is(first(unit, /^ExecStart=(.*)$/m), "/usr/bin/node /srv/web/main.ts");
});

const verifies = present("whether systemd takes the unit file", "systemd-analyze");
(verifies ? test : test.skip)("systemd takes the unit file", () => {
  const folder = mkdtempSync(join(tmpdir(), "runhost-unit-"));
  const file = join(folder, "runhost.service");
  writeFileSync(file, unit.replace("/usr/bin/node", process.execPath)); // it looks whether it is there
  const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", file], {
    encoding: "utf8",
  });
  rmSync(folder, { recursive: true });
  assert.not.match(stderr, "runhost.service", stderr);
  assert.is(status, 0, stderr);
});

test("the guides show what the files have, or those of a template", () => {
  const files = [
    [
      dockerfile,
      read("examples/deploy/Dockerfile.deno"),
      read("examples/deploy/Dockerfile.bun"),
      read("create/templates/jobs/node/Dockerfile"),
    ],
    [manifest, named(read("create/templates/jobs/shared/kubernetes.yaml"))],
    [
      unit,
      ...["bun", "deno"].map((it) => named(read(`create/templates/web/${it}/my-app.service`))),
      named(read("create/templates/jobs/node/my-app.service")),
    ],
  ];
  for (const [index, guide] of guides.entries()) {
    const shown = [...guide.matchAll(/```(?:dockerfile|yaml|ini)\n([^]*?)```/g)].map(([, it]) =>
      it!
    );
    const wanted = shown.filter((it) => !/^services:|SuccessExitStatus/m.test(it));
    assert.ok(wanted.length > 0, "Nothing shown");
    for (const excerpt of wanted) {
      assert.ok(
        files[index]!.some((file) => flat(file).includes(flat(excerpt))),
        `In none of the files:\n${excerpt}`,
      );
    }
  }
});

/** A file of a template, for a program of the name that the guides use. */
function named(text: string): string {
  return text.replaceAll("my-app", "web");
}

/** Lines without their indentation, which a guide leaves out. */
function flat(text: string): string {
  return text.replaceAll(/^ +/gm, "");
}

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
}

function first(text: string, pattern: RegExp): string {
  return pattern.exec(text)?.[1] ?? assert.unreachable(`There is no ${pattern}`) as never;
}

function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1]!);
}

test.run();
