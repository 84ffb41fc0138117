import { Agent, get } from "node:http";

/** What became of the requests so far. */
export interface Tally {
  done: number;
  /** Why requests failed, and how often. */
  readonly failures: Map<string, number>;
}

/** Keeps connections busy: each asks again as soon as it has its answer. No request is repeated. */
export async function keepBusy(
  port: number,
  { connections, requests, tally }: {
    readonly connections: number;
    readonly requests: number;
    readonly tally: Tally;
  },
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let next = 0;

  const client = async (): Promise<void> => {
    while (next < requests) {
      const failure = await ask(port, `/${next++}`, agent);
      if (failure) tally.failures.set(failure, (tally.failures.get(failure) ?? 0) + 1);
      tally.done++;
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  agent.destroy();
}

/** Why there is no right answer, if there is none. */
function ask(port: number, path: string, agent: Agent): Promise<string | undefined> {
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path, agent }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => body += chunk);
      response.on("error", ({ message }) => resolve(message));
      response.on("end", () => {
        if (response.statusCode !== 200) resolve(`status ${response.statusCode}`);
        else resolve(body === `answer to ${path}` ? undefined : "a wrong answer");
      });
    }).on("error", ({ message }) => resolve(message));
  });
}
