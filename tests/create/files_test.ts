/** The files of the templates: those that the guides show, and those that others are told of. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { present } from "../_commands.ts";

type Edit = readonly [from: string, to: string];

const templates = ["worker", "web", "jobs"] as const;
const runtimes = ["node", "deno", "bun"] as const;

const docker = read("docs/docker.md");
const kubernetes = read("docs/kubernetes.md");
const systemd = read("docs/systemd.md");

const dockerfiles = {
  node: "Dockerfile",
  deno: "Dockerfile.deno",
  bun: "Dockerfile.bun",
};

/** What a template's file has instead of lines of the guide's. */
const dockerEdits: Record<typeof templates[number], (user: string) => Edit[]> = {
  worker: () => [["EXPOSE 8080 8081", "EXPOSE 8081"]],
  web: () => [],
  jobs: (user) => [
    [`USER ${user}\n`, shown(docker, "VOLUME").replaceAll("node", user)],
    ...(user === "deno"
      ? [
        [
          `"--allow-env", `,
          `"--allow-env", ${permissions(docker, '"--allow-read')}, `,
        ] as const,
      ]
      : []),
  ],
};

for (const template of templates) {
  for (const runtime of runtimes) {
    test(`the Dockerfile of ${template} for ${runtime} is the guide's`, () => {
      const guide = edited(
        read(`examples/deploy/${dockerfiles[runtime]}`),
        dockerEdits[template](runtime),
      );
      assert.is(templateFile(template, runtime, "Dockerfile"), guide);
    });

    test(`the unit of ${template} for ${runtime} is the guide's`, () => {
      const edits: Edit[] = [];
      if (runtime !== "node") {
        edits.push([
          "ExecStart=/usr/bin/node /srv/web/main.ts\n",
          shown(systemd, `bin/${runtime}`),
        ]);
      }
      if (template === "jobs") {
        edits.push([
          "DynamicUser=yes\n",
          `DynamicUser=yes\n${shown(systemd, "StateDirectory")}`,
        ]);
        if (runtime === "deno") {
          edits.push([
            "--allow-env",
            `--allow-env ${permissions(systemd, "--allow-read")}`,
          ]);
        }
      }
      const guide = edited(read("examples/deploy/runhost.service"), edits);
      assert.is(templateFile(template, runtime, "my-app.service"), guide);
    });
  }
}

test("the manifest of web is the guide's", () => {
  assert.is(
    templateFile("web", "shared", "kubernetes.yaml"),
    read("examples/deploy/kubernetes.yaml"),
  );
});

test("the manifest of worker is the guide's without what serves", () => {
  const [deployment = ""] = read("examples/deploy/kubernetes.yaml").split("---\n");
  const guide = edited(deployment, [
    [
      '          env:\n            - { name: DRAIN_DELAY, value: "5000" }\n',
      "",
    ],
    ["            - { name: http, containerPort: 8080 }\n", ""],
  ]);
  assert.is(templateFile("worker", "shared", "kubernetes.yaml"), guide);
});

test("the manifest of jobs is the guide's, for a database in a file", () => {
  const rolling =
    "    type: RollingUpdate\n    rollingUpdate:\n      maxUnavailable: 0\n      maxSurge: 1\n";
  const guide = edited(read("examples/deploy/kubernetes.yaml"), [
    ["  replicas: 2\n", indented(shown(kubernetes, "replicas:"), 2)],
    [`  strategy:\n${rolling}`, indented(shown(kubernetes, "Recreate"), 2)],
    [
      "      containers:\n",
      `${indented(shown(kubernetes, "fsGroup"), 6)}      containers:\n`,
    ],
    [
      "          ports:\n",
      `${indented(shown(kubernetes, "volumeMounts"), 10)}          ports:\n`,
    ],
  ]);
  assert.is(
    templateFile("jobs", "shared", "kubernetes.yaml"),
    `${guide}---\n${shown(kubernetes, "PersistentVolumeClaim")}`,
  );
});

const verifies = present("whether systemd takes the units of the templates", "systemd-analyze");
for (const template of templates) {
  for (const runtime of runtimes) {
    (verifies ? test : test.skip)(`systemd takes the unit of ${template} for ${runtime}`, () => {
      const folder = mkdtempSync(join(tmpdir(), "runhost-unit-"));
      const file = join(folder, "web.service");
      // It looks whether the program is there.
      const unit = templateFile(template, runtime, "my-app.service").replace(
        /^ExecStart=\S+/m,
        `ExecStart=${process.execPath}`,
      );
      writeFileSync(file, unit);
      const { status, stderr } = spawnSync("systemd-analyze", [
        "verify",
        "--man=no",
        file,
      ], {
        encoding: "utf8",
      });
      rmSync(folder, { recursive: true });
      assert.not.match(stderr, "web.service", stderr);
      assert.is(status, 0, stderr);
    });
  }
}

test("a README names the files and the variables that there are", () => {
  for (const template of templates) {
    const text = read(`create/templates/${template}/shared/README.md`);
    const files = readdirSync(
      new URL(`../../create/templates/${template}/shared/`, import.meta.url),
    )
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .concat("main.ts");
    const told = [...text.matchAll(/^\| `([\w.]+\.ts)`/gm)].map(([, file]) => file!)
      .filter((file) => !file.endsWith(".test.ts"));
    assert.equal(told.sort(), files.sort(), template);
    for (const runtime of runtimes) {
      const main = read(`create/templates/${template}/${runtime}/main.ts`);
      for (const [, name = ""] of text.matchAll(/^\| `([A-Z_]+)`/gm)) {
        assert.match(main, name);
      }
    }
  }
});

/** A text in which each edit has one place. */
function edited(text: string, edits: readonly Edit[]): string {
  for (const [from, to] of edits) {
    assert.is(text.split(from).length, 2, `Not once in the file: ${from}`);
    text = text.replace(from, () => to);
  }
  return text;
}

/** The one block of a guide that has a word, and is no whole file. */
function shown(guide: string, word: string): string {
  const blocks = [...guide.matchAll(/```(?:dockerfile|yaml|ini)\n([^]*?)```/g)]
    .map(([, block]) => block!).filter((block) => block.includes(word));
  assert.is(blocks.length, 1, `Blocks with ${word}: ${blocks.length}`);
  return blocks[0]!;
}

/** What a guide says in a line of text that a program for Deno needs. */
function permissions(guide: string, start: string): string {
  const at = guide.indexOf(`let in, too: \``) + "let in, too: `".length;
  const text = guide.slice(at, guide.indexOf("`", at));
  assert.ok(text.startsWith(start), text);
  return text;
}

function indented(text: string, by: number): string {
  return text.replaceAll(/^(?=.)/gm, " ".repeat(by));
}

/** A file of a template, for a program of the name that the guides use. */
function templateFile(template: string, layer: string, file: string): string {
  return read(`create/templates/${template}/${layer}/${file}`).replaceAll("my-app", "web");
}

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
}

test.run();
