import { builtin } from "../_builtin.ts";

/** Where this program runs, as far as the runtime tells and lets ask. */
export interface Instance {
  readonly hostname: string;
  readonly pid: string;
  readonly runtime: string;
}

/** Asks the runtime. */
export function instance(): Instance {
  const os = builtin("node:os") as { hostname(): string } | undefined;
  const own = builtin("node:process") as
    | { readonly pid: number; readonly version: string }
    | undefined;
  const { navigator } = globalThis as { readonly navigator?: { readonly userAgent?: string } };
  const agent = /^[\w.]+\/[\w.]+$/.test(navigator?.userAgent ?? "")
    ? navigator?.userAgent
    : undefined;
  let hostname = "this host";
  try {
    hostname = os?.hostname() ?? hostname;
  } catch {
    // Deno asks for a permission.
  }
  return {
    hostname,
    pid: `${own?.pid ?? "–"}`,
    runtime: agent?.replace("/", " ") ?? (own ? `Node ${own.version}` : "–"),
  };
}
