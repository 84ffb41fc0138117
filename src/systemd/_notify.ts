/** Sends one message to the service manager. Given up when the signal aborts. */
export type Notify = (state: string, signal: AbortSignal) => unknown;

/** What is used of the runtimes' globals. */
interface Globals {
  readonly process?: {
    readonly pid: number;
    readonly env: Readonly<Record<string, string | undefined>>;
  };
  readonly Deno?: DenoNamespace;
}

interface DenoNamespace {
  readonly permissions: {
    querySync(descriptor: { readonly name: "env"; readonly variable: string }): {
      readonly state: string;
    };
  };
  readonly Command: new (
    command: string,
    options: { readonly args: readonly string[]; readonly signal: AbortSignal },
  ) => { output(): Promise<{ readonly code: number; readonly stderr: Uint8Array }> };
  /** Only with `--unstable-net`. */
  listenDatagram?(address: UnixAddress): {
    send(message: Uint8Array, to: UnixAddress): Promise<number>;
    close(): void;
  };
}

interface UnixAddress {
  readonly transport: "unixpacket";
  readonly path: string;
}

interface ChildProcessModule {
  execFile(
    file: string,
    args: readonly string[],
    options: { readonly signal: AbortSignal },
    callback: (error: Error | null) => void,
  ): void;
}

/** The globals, looked up when used. */
function globals(): Globals {
  return globalThis as unknown as Globals;
}

/** A variable of the environment; none where there is no environment, or Deno may not read it. */
export function variable(name: string): string | undefined {
  const { Deno, process } = globals();
  // Reading it without leave would ask whoever sits at the terminal.
  if (Deno && Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") {
    return undefined;
  }
  return process?.env?.[name];
}

/** Whether a process id, as text, is that of this process. */
export function isOwnProcess(pid: string): boolean {
  return pid === `${globals().process?.pid}`;
}

/** The best way to the service manager this runtime has. */
export function notifyThrough(socket: string): Notify {
  const { Deno } = globals();
  if (!Deno) return spawn;
  if (Deno.listenDatagram && /^[/@]/.test(socket)) {
    const path = socket.replace("@", "\0"); // how abstract names are written
    return (state) => sendDatagram(Deno, path, state);
  }
  return (state, signal) => runCommand(Deno, state, signal);
}

async function sendDatagram(deno: DenoNamespace, path: string, state: string): Promise<void> {
  // An abstract name leaves no file behind.
  const own = `\0runhost-${crypto.randomUUID()}`;
  const socket = deno.listenDatagram!({ transport: "unixpacket", path: own });
  try {
    await socket.send(new TextEncoder().encode(state), { transport: "unixpacket", path });
  } finally {
    socket.close();
  }
}

/** The program that systemd brings along for those without such a socket. */
const program = "systemd-notify";

async function runCommand(deno: DenoNamespace, state: string, signal: AbortSignal): Promise<void> {
  const { code, stderr } = await new deno.Command(program, { args: state.split("\n"), signal })
    .output();
  if (signal.aborted) throw signal.reason;
  if (code) throw new Error(`${program} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
}

/** On Node and Bun, which have no Unix datagram sockets. */
async function spawn(state: string, signal: AbortSignal): Promise<void> {
  const name: string = "node:child_process"; // so that a bundle for a browser does without
  const { execFile } = await import(name) as ChildProcessModule;
  await new Promise<void>((resolve, reject) => {
    execFile(program, state.split("\n"), { signal }, (error) => error ? reject(error) : resolve());
  });
}
