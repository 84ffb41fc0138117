/**
 * Deploys under load, with the host and without; run by `npm run test:load`.
 *
 *     npm run test:load [-- --requests 100000] [-- --runtime node]
 *
 * Exits with 1 if a request failed while the instances had a host.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { type Rollout, rollOut, runtimes } from "./_rollout.ts";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "100000" },
    runtime: { type: "string", multiple: true, default: Object.keys(runtimes) },
  },
});
const requests = Number(values.requests);

for (const runtime of values.runtime) {
  const hosted = await rollOut({ runtime, mode: "host", requests });
  console.log(`${runtime}: ${report(hosted)}`);
  if (hosted.failed > 0 || hosted.exits.some((exit) => exit !== 0)) process.exitCode = 1;
  const naive = await rollOut({ runtime, mode: "naive", requests });
  console.log(`${runtime}, without the host: ${report(naive)}`);
}

function report({ requests, failed, failures, exits, seconds }: Rollout): string {
  const why = [...failures].map(([failure, count]) => `${count} ${failure}`).join(", ");
  const badExits = exits.filter((exit) => exit !== 0);
  return [
    `${failed} failed of ${requests} requests${why && ` (${why})`}`,
    `${exits.length} instances replaced${badExits.length ? ` (exits ${badExits.join()})` : ""}`,
    `${Math.round(requests / seconds)} requests a second`,
  ].join(", ");
}
