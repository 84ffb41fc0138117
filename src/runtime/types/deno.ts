/** What is used of `Deno`. */
export interface DenoNamespace {
  readonly build: { readonly os: string };
  exitCode: number;
  readonly stdout: { isTerminal(): boolean };
  addSignalListener(signal: string, handler: () => void): void;
  removeSignalListener(signal: string, handler: () => void): void;
  exit(code: number): void;
  unrefTimer(timer: unknown): void;
  serve(options: object, handler: (request: Request, info: ServeInfo) => unknown): DenoServer;
}

/** What is used of the server of `Deno.serve`. */
export interface DenoServer {
  readonly addr: { readonly hostname: string; readonly port: number; readonly path?: string };
  /** Settles when every connection is closed. */
  readonly finished: Promise<void>;
  shutdown(): Promise<void>;
}

/** What `Deno.serve` tells a handler of a request. */
export interface ServeInfo {
  /** Who sent it. */
  readonly remoteAddr: {
    readonly hostname?: string;
    readonly port?: number;
    readonly transport: string;
  };
  /** Settles when the response has been sent, or could not be. */
  readonly completed: Promise<void>;
}

/** The global `Deno`, looked up when used. */
export function currentDeno(): DenoNamespace {
  return (globalThis as unknown as { readonly Deno: DenoNamespace }).Deno;
}
