/** What is used of Node's `process`, which Bun and Deno have too. */
export interface Process {
  readonly platform: string;
  readonly execArgv: readonly string[];
  readonly stdout: Output;
  readonly stderr?: Output;
  exitCode?: number | string | null | undefined;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  exit(code?: number | string | null): void;
  getActiveResourcesInfo?(): readonly string[];
}

/** What is used of an output. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  /**
   * Node's own, which it lists among what keeps a process alive, though it does not. (Workaround:
   * node-output-resource)
   */
  readonly _handle?: object | null;
}

/** The global `process`, looked up when used. */
export function currentProcess(): Process {
  return (globalThis as unknown as { readonly process: Process }).process;
}
