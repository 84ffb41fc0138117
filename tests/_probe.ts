import type { Host } from "../mod.ts";
import { healthHandler, type Probe } from "../src/health/mod.ts";

/** What a probe is answered. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Asks as a kubelet does, without a network. */
export async function probe(host: Host, path: string, init?: RequestInit): Promise<Answer> {
  const response = await healthHandler(host)(new Request(`http://localhost/${path}`, init));
  return { status: response.status, body: await response.text() };
}

/** The status of all three. */
export async function probes(host: Host): Promise<Record<Probe, number>> {
  const status = async (name: Probe): Promise<number> => (await probe(host, name)).status;
  return {
    livez: await status("livez"),
    startupz: await status("startupz"),
    readyz: await status("readyz"),
  };
}
