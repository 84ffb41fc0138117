import {
  type Engine,
  type EngineServer,
  find,
  freePort,
  newFolder,
  Program,
  serverOf,
} from "./_server.ts";

/** Each write is on disk before its answer. */
async function create(): Promise<EngineServer> {
  const folder = newFolder("redis");
  const port = await freePort();
  const program = new Program("redis-server", [
    find("redis-server")!,
    ...["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder],
    ...["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
  ]);
  const url = `redis://127.0.0.1:${port}`;
  return serverOf({ url, port, folder, program, stop: "SIGTERM" });
}

export const redis: Engine = {
  name: "Redis",
  variable: "REDIS_URL",
  commands: ["redis-server"],
  packages: ["redis-server"],
  create,
};
