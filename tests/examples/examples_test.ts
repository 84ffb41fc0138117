/** The examples that end by themselves, as programs on each runtime. */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Client } from "../_client.ts";
import { beside } from "../process/_lanes.ts";
import { Example, runtimes } from "./_example.ts";

/** How an example is started, and how it ends. */
interface Expectation {
  readonly file: string;
  readonly args?: readonly string[];
  readonly exit: number;
  /** All it prints, or what is in there. */
  readonly output: readonly string[] | RegExp;
}

const expectations: readonly Expectation[] = [
  {
    file: "02_lifecycle.ts",
    exit: 0,
    output: [
      "first: starting, before the start of anything",
      "second: starting, before the start of anything",
      "first: start",
      "second: start",
      "first: started, after the start of everything",
      "second: started, after the start of everything",
      "lifetime.started",
      "lifetime.closing",
      "second: stopping, before the stop of anything",
      "first: stopping, before the stop of anything",
      "lifetime.stopping",
      "second: stop",
      "first: stop",
      "second: stopped, after the stop of everything",
      "first: stopped, after the stop of everything",
      "lifetime.stopped",
    ],
  },
  {
    file: "03_warm_up.ts",
    exit: 0,
    output: ["migration: done", "cache: 3 capitals", "visitor: the capital of Japan is Tokyo"],
  },
  {
    file: "04_pool.ts",
    exit: 0,
    output: [
      "Pool: open",
      'sales: rows of "select * from sales"',
      'stock: rows of "select * from stock"',
      "Pool: closed",
      "Pool: disposed",
    ],
  },
  {
    file: "05_awilix.ts",
    exit: 0,
    output: [
      "unit 1: saved tea",
      "unit 1: disposed",
      "unit 2: saved coffee",
      "unit 2: disposed",
    ],
  },
  {
    file: "06_pino.ts",
    exit: 1,
    output: new RegExp(
      '"level":30,.*"msg":"a line of its own"[^]*' +
        '"level":50,.*"service":"broken","phase":"execute",.*"stack":"[^"]*on fire.*"msg":"serviceFailed"' +
        "[^]*Ended by: The printer is on fire\n$",
    ),
  },
  {
    file: "07_timed.ts",
    exit: 0,
    output: ["beat 1", "beat 2", "beat 3", "the signal has ended the loop"],
  },
  {
    file: "08_batch.ts",
    exit: 0,
    output: [
      "import customers: done",
      "import orders: done",
      "import invoices: done",
      "The batch has ended",
    ],
  },
  {
    file: "08_batch.ts",
    args: ["fail"],
    exit: 1,
    output: /The batch has failed: Line 7 of customers.csv has no number\n$/,
  },
  { file: "09_unit_test.ts", exit: 0, output: /Passed: +3/ },
  {
    file: "15_queued_work.ts",
    exit: 0,
    output: new RegExp(
      '^Service "web": listening on .*\n' +
        [1, 2, 3].map((order) => `customer: order ${order}, answer 202\n`).join("") +
        "customer: order 4, answer 503\n" +
        [1, 2, 3].map((order) => `mails: order ${order} is confirmed\n`).join("") +
        "mails: 3 done, 0 left\n$",
    ),
  },
  {
    file: "16_pipeline.ts",
    exit: 0,
    output: [
      "sender: invoice 1",
      "sender: invoice 2",
      "sender: invoice 3",
      "reader: 8 orders",
      ...[4, 5, 6, 7, 8].map((order) => `sender: invoice ${order}`),
      "sender: 8 invoices",
    ],
  },
  {
    file: "17_nightly.ts",
    exit: 0,
    output: [
      "the report of 2026-07-01 02:30:00",
      "the next one is due at 2026-07-02 02:30:00",
      "the report of 2026-07-02 02:30:00",
      "the last run was at 2026-07-02 02:30:00",
    ],
  },
  {
    file: "19_supervised.ts",
    exit: 1,
    output: [
      "connection 1",
      "restart 1",
      "closed after 3 prices in all",
      "connection 2",
      "restart 2",
      "closed after 6 prices in all",
      "connection 3",
      "closed after 9 prices in all",
      "given up: The feed broke off",
    ],
  },
  {
    file: "20_leader.ts",
    exit: 0,
    output: [
      "a leads with token 1",
      "a leads no longer",
      "b leads with token 2",
      "b leads no longer",
      "c leads with token 4",
      "c leads no longer",
    ],
  },
  {
    file: "21_order_mails.ts",
    exit: 0,
    output: [
      "mail to ada@example.com: Thank you",
      "mail to store@example.com: Pack order 7",
      "order 7 is closed",
      "receipt 7, at attempt 2",
    ],
  },
  {
    file: "22_nightly_report.ts",
    exit: 0,
    output: ["due at 02:30:00", "Report of sales and stock", "reading sales, reading stock"],
  },
  {
    file: "23_import.ts",
    exit: 0,
    output: [
      "attempt 1 begins at row 0",
      "attempt 2 begins at row 500",
      "1000 rows",
      "JobFailedError",
      "it is cancelled",
    ],
  },
  {
    file: "24_telemetry.ts",
    exit: 0,
    output: /"?name"?: ["']process default["'][^]*runhost\.hook\.duration/,
  },
];

/** Those that serve until they are told to stop. */
const servers = ["12_express.ts", "13_fastify.ts"];

for (const runtime of runtimes) {
  for (const { file, args = [], exit, output } of expectations) {
    beside(test, `${[file, ...args].join(" ")} on ${runtime.name}`, async () => {
      const example = new Example(runtime, [file, ...args]);
      const ended = await example.exit;
      assert.is(ended, exit, example.output);
      if (output instanceof RegExp) assert.match(example.output, output);
      else assert.equal(example.output.trimEnd().split("\n"), output);
    });
  }

  for (const file of servers) {
    beside(test, `${file} on ${runtime.name} finishes what is in flight`, async () => {
      const example = new Example(runtime, [file], { PORT: "0" });
      const url = await example.prints(/Service "web": listening on (http:\S+)\n/);
      for (const probe of ["livez", "readyz", "startupz"]) {
        assert.is(await (await fetch(url + probe)).text(), "ok");
      }
      const client = await Client.connect(url);
      client.get("/");
      await example.prints(/Working/);
      example.send("SIGTERM");
      const answer = await client.receive(/Hello from \w+/);
      assert.match(answer, /^HTTP\/1.1 200 OK\r\n/);
      assert.match(answer, /\r\nConnection: close\r\n/i);
      assert.is(await example.exit, 0, example.output);
    });
  }

  beside(test, `08_batch.ts, interrupted, on ${runtime.name}`, async () => {
    const example = new Example(runtime, ["08_batch.ts", "slow"]);
    await example.prints(/import customers: done/);
    example.send("SIGINT");
    assert.is(await example.exit, 130, example.output);
  });
}

test("the program of the README serves, answers probes, and stops", async () => {
  const root = new URL("../../", import.meta.url);
  const readme = readFileSync(new URL("README.md", root), "utf8");
  const [, program = ""] = readme.match(/```ts ignore\n([^]*?)```/) ?? [];
  const folder = mkdtempSync(join(tmpdir(), "readme-"));
  const file = join(folder, "app.mts");
  writeFileSync(file, program.replaceAll(/port: 300\d/g, "port: 0"));
  symlinkSync(fileURLToPath(new URL("node_modules", root)), join(folder, "node_modules"), "dir");
  const example = new Example(runtimes[0]!, [file]);
  try {
    const probes = await example.prints(/Service "probes": listening on (http:\S+)\n/);
    const web = await example.prints(/Service "web": listening on (http:\S+)\n/);
    assert.is(await (await fetch(web)).text(), "Visit 1\n");
    assert.is(await (await fetch(new URL("/readyz", probes))).text(), "ok");
    await example.prints(/1 visits/);
    example.send("SIGTERM");
    assert.is(await example.exit, 0, example.output);
    assert.match(example.output, /\nConnected\n[^]*\nDisconnected\n$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("every example is here", () => {
  const files = readdirSync(new URL("../../examples/", import.meta.url))
    .filter((file) => file.endsWith(".ts"));
  const tested = [...expectations.map(({ file }) => file), ...servers];
  assert.equal(files.sort(), [...new Set(tested)].sort());
});

test.run();
