/** What is used of Node's `process`, which Bun and Deno have too. */
interface ProcessWithModules {
  /** Since Node 20.16 and 22.3; bundlers leave it alone. */
  getBuiltinModule?(name: string): unknown;
}

/** A module of the runtime, where it can be had without waiting; else nothing. */
export function builtin(name: string): unknown {
  const { process } = globalThis as unknown as { readonly process?: ProcessWithModules };
  return process?.getBuiltinModule?.(name);
}

/**
 * A module of the runtime. No bundler looks for it, neither one for Node nor one for something else:
 * whoever has an entry in a bundle and never calls this needs no such module.
 */
export async function loadBuiltin(name: string): Promise<unknown> {
  return builtin(name) ?? await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}

/** Where this program runs, as an operator finds it: as far as the runtime tells, and lets ask. */
export interface Place {
  readonly hostname: string;
  readonly process: string;
  readonly runtime: string;
}

/** Asks the runtime where this program runs. */
export function place(): Place {
  const os = builtin("node:os") as { hostname(): string } | undefined;
  const own = builtin("node:process") as { readonly pid: number; version: string } | undefined;
  const { navigator } = globalThis as { readonly navigator?: { readonly userAgent?: string } };
  const [agent] = /^[\w.]+\/[\w.]+$/.exec(navigator?.userAgent ?? "") ?? [];
  let hostname = "this host";
  try {
    hostname = os?.hostname() ?? hostname;
  } catch {
    // Deno asks for a permission.
  }
  return {
    hostname,
    process: `${own?.pid ?? "?"}`,
    runtime: agent?.replace("/", " ") ?? (own ? `Node ${own.version.slice(1)}` : "?"),
  };
}
