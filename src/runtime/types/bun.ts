/** What is used of `Bun`. */
export interface BunNamespace {
  serve(options: object): BunServing;
}

/** What is used of the server of `Bun.serve`. */
export interface BunServing extends BunServer {
  readonly url: URL;
  readonly pendingRequests: number;
  readonly pendingWebSockets: number;
  /** Resolves when nothing is in flight. */
  stop(closeActiveConnections?: boolean): Promise<void>;
}

/** What a handler may use of the server of `Bun.serve`. */
export interface BunServer {
  /** Makes a WebSocket of the request; then return nothing. */
  upgrade(request: Request, options?: object): boolean;
  /** Who sent the request. */
  requestIP(
    request: Request,
  ): { readonly address: string; readonly family: string; readonly port: number } | null;
  /** Sets after how many seconds without traffic the request's connection is closed. */
  timeout(request: Request, seconds: number): void;
}

/** The global `Bun`, looked up when used. */
export function currentBun(): BunNamespace {
  return (globalThis as unknown as { readonly Bun: BunNamespace }).Bun;
}
