/**
 * What docs/frameworks.md shows of Koa, NestJS and Next.js, as programs that are told to stop by a signal.
 * Needs the packages of this folder, and `dist/`: `npm run test:frameworks` sees to both.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Program } from "../process/_program.ts";

const test = suite("frameworks");

const root = fileURLToPath(new URL("../../", import.meta.url));
const here = fileURLToPath(new URL(".", import.meta.url));
const folder = join(here, ".work");
const next = join(here, "node_modules/next/dist/bin/next");
const tsx = import.meta.resolve("tsx");

/** The blocks of the guide, by the heading above them. */
const blocks = new Map(
  readFileSync(join(root, "docs/frameworks.md"), "utf8").split(/^## /m).slice(1).map((part) => {
    const codes = [...part.matchAll(/^```ts ignore\n([^]*?)^```$/gm)].map(([, code = ""]) => code);
    return [part.split("\n", 1)[0], codes] as const;
  }),
);

/** A block, with a port that is free and a delay that a test can wait for. */
function block(heading: string, index: number, port = 3000): string {
  const code = blocks.get(heading)?.[index];
  assert.ok(code, `${heading} has no block ${index}`);
  return code.replace("port: 3000", `port: ${port}`).replace(
    "drainDelay: 5_000",
    "drainDelay: 100",
  );
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Asks until it is answered: a program says only that it begins to listen. */
async function ask(program: Program, url: string): Promise<string> {
  for (;;) {
    try {
      return await (await fetch(url, { headers: { connection: "close" } })).text();
    } catch (error) {
      const ended = await Promise.race([
        program.ending.then(() => true),
        new Promise<false>((resolve) => setTimeout(resolve, 50, false)),
      ]);
      if (ended) {
        throw new Error([...program.stdout, ...program.stderr].join("\n"), { cause: error });
      }
    }
  }
}

test.before(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "node_modules/@runhost"), { recursive: true });
  symlinkSync(root, join(folder, "node_modules/@runhost/host"), "junction");
  write("package.json", `{ "type": "module" }`);
  write("tsconfig.json", `{ "compilerOptions": { "experimentalDecorators": true } }`);
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

test("NestJS answers in the middle of the stop, and is closed after its server", async () => {
  const port = await freePort();
  const slow = block("NestJS", 0, port).replace(
    `return "Hello";`,
    `console.log("asked");
    return new Promise((resolve) => setTimeout(resolve, 500, "Hello")) as never;`,
  );
  write("nest/main.ts", slow);
  const program = new Program([process.execPath, "--import", tsx, "main.ts"], {
    cwd: join(folder, "nest"),
  });
  assert.is(await ask(program, `http://127.0.0.1:${port}/`), "Hello");
  const answer = ask(program, `http://127.0.0.1:${port}/`);
  await program.prints("asked", 2);
  program.send("SIGTERM");
  assert.is(await answer, "Hello");
  const { exit, stdout } = await program.ending;
  assert.is(exit, 0);
  assert.is(stdout.at(-1), "Nest has closed");
});

test("Koa answers in the middle of the stop", async () => {
  const port = await freePort();
  const slow = block("Koa", 0, port).replace(
    `context.body = "Hello";`,
    `console.log("asked");
    await new Promise((resolve) => setTimeout(resolve, 500));
    context.body = "Hello";`,
  );
  write("koa/main.ts", slow);
  const program = new Program([process.execPath, "--import", tsx, "main.ts"], {
    cwd: join(folder, "koa"),
  });
  assert.is(await ask(program, `http://127.0.0.1:${port}/`), "Hello");
  const answer = ask(program, `http://127.0.0.1:${port}/`);
  await program.prints("asked", 2);
  program.send("SIGTERM");
  assert.is(await answer, "Hello");
  const { exit, stderr } = await program.ending;
  assert.equal([exit, stderr], [0, []]);
});

/** An application of Next, built. */
function buildNext(name: string, more: Readonly<Record<string, string>>): string {
  write(`${name}/package.json`, `{ "type": "module" }`);
  write(
    `${name}/app/layout.js`,
    `export default function Layout({ children }) { return <html><body>{children}</body></html>; }`,
  );
  write(`${name}/app/page.js`, `export default function Page() { return <p>Hello</p>; }`);
  write(
    `${name}/app/slow/route.js`,
    `export const dynamic = "force-dynamic";
    export async function GET() {
      console.log("asked");
      await new Promise((resolve) => setTimeout(resolve, 500));
      return new Response("done");
    }`,
  );
  write(
    `${name}/next.config.js`,
    `export default {
    outputFileTracingRoot: ${JSON.stringify(root)},
    turbopack: { root: ${JSON.stringify(root)} },
  };`,
  );
  for (const [file, text] of Object.entries(more)) write(`${name}/${file}`, text);
  const cwd = join(folder, name);
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", CI: "1", NODE_OPTIONS: "" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [next, "build"], {
    cwd,
    env: env as NodeJS.ProcessEnv,
    encoding: "utf8",
    timeout: 200_000,
  });
  assert.is(status, 0, `${stdout}${stderr}`);
  return cwd;
}

test("Next.js behind a server of the host answers in the middle of the stop", async () => {
  const port = await freePort();
  const cwd = buildNext("server", { "main.ts": block("Next.js", 0, port) });
  const env = ["NODE_ENV=production", "NEXT_TELEMETRY_DISABLED=1"];
  const program = new Program(["env", ...env, process.execPath, "--import", tsx, "main.ts"], {
    cwd,
  });
  assert.match(await ask(program, `http://127.0.0.1:${port}/`), "Hello");
  const answer = ask(program, `http://127.0.0.1:${port}/slow`);
  await program.prints("asked");
  program.send("SIGTERM");
  assert.is(await answer, "done");
  const { exit, stderr } = await program.ending;
  assert.equal([exit, stderr], [0, []]);
});

test("next start with a host in its instrumentation stops the services, and ends with 0", async () => {
  const port = await freePort();
  const cwd = buildNext("instrumented", {
    "instrumentation.ts": block("Next.js", 1),
    "services.ts": `import { hostedService } from "@runhost/host/node";
      export const services = [
        hostedService("pool", {
          start: () => console.log("pool: open"),
          async stop() {
            await new Promise((resolve) => setTimeout(resolve, 300));
            console.log("pool: closed");
          },
        }),
      ];`,
  });
  const env = ["NEXT_MANUAL_SIG_HANDLE=true", "NEXT_TELEMETRY_DISABLED=1"];
  const start = [next, "start", "--port", `${port}`];
  const program = new Program(["env", ...env, process.execPath, ...start], { cwd });
  assert.match(await ask(program, `http://127.0.0.1:${port}/`), "Hello");
  await program.prints("pool: open");
  program.send("SIGTERM");
  const { exit, stdout } = await program.ending;
  assert.is(exit, 0);
  assert.is(stdout.at(-1), "pool: closed");
});

test.run();
