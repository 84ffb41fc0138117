import { builtin, loadBuiltin } from "../_builtin.ts";

/** Sends one message to the service manager. Given up when the signal aborts. */
export type Notify = (state: string, signal: AbortSignal) => unknown;

/** What is used of the runtimes' globals. */
interface Globals {
  readonly process?: {
    readonly pid: number;
    readonly env: Record<string, string | undefined>;
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
    options: {
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly signal: AbortSignal;
    },
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
    options: {
      readonly env: Readonly<Record<string, string | undefined>>;
      readonly signal: AbortSignal;
    },
    callback: (error: Error | null) => void,
  ): void;
}

/** The socket of the service manager, in the hands of the one host that speaks to it. */
export interface Socket {
  readonly name: string;
  /** Whoever is called to send looks for it where it was: a native addon, say. */
  lend(notify: Notify): Notify;
  /** Puts it back into the environment. */
  giveBack(): void;
}

const variableName = "NOTIFY_SOCKET";

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

/**
 * Takes the socket out of the environment, as sd_notify(3) can: what a child process inherits it
 * speaks through, and systemd, told to listen to all processes of the unit, takes it for the service.
 * So does a second host in this process, whose stop is not that of the service.
 *
 * Whether this is the unit's main process (`SYSTEMD_EXEC_PID`) does not matter: under npm it is a
 * child, and the service all the same.
 */
export function takeSocket(): Socket | undefined {
  const name = variable(variableName);
  if (!name || isClusterWorker()) return undefined;
  const { env } = globals().process!;
  const take = (): boolean => delete env[variableName];
  const giveBack = (): void => void (env[variableName] = name);
  take();
  return {
    name,
    giveBack,
    lend: (notify) => (state, signal) => {
      giveBack();
      try {
        return notify(state, signal);
      } finally {
        take();
      }
    },
  };
}

/** Whether the primary is the service. Workers may be forked before its host has taken the socket. */
function isClusterWorker(): boolean {
  if (globals().Deno) return false; // which has no cluster
  const cluster = builtin("node:cluster") as { readonly isWorker: boolean } | undefined;
  return cluster?.isWorker === true;
}

/** The best way to the service manager this runtime has. */
export function notifyThrough(socket: string): Notify {
  const { Deno } = globals();
  if (!Deno) return (state, signal) => spawn(socket, state, signal);
  if (Deno.listenDatagram && /^[/@]/.test(socket)) {
    const path = socket.replace("@", "\0"); // how abstract names are written
    return (state) => sendDatagram(Deno, path, state);
  }
  return (state, signal) => runCommand(Deno, socket, state, signal);
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

async function runCommand(
  deno: DenoNamespace,
  socket: string,
  state: string,
  signal: AbortSignal,
): Promise<void> {
  const env = { [variableName]: socket };
  const { code, stderr } = await new deno.Command(program, { args: state.split("\n"), env, signal })
    .output();
  if (signal.aborted) throw signal.reason;
  if (code) throw new Error(`${program} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
}

/** On Node and Bun, which have no Unix datagram sockets. (Workaround: unix-datagram) */
async function spawn(socket: string, state: string, signal: AbortSignal): Promise<void> {
  const { process } = globals();
  const { execFile } = await loadBuiltin("node:child_process") as ChildProcessModule;
  const env = { ...process?.env, [variableName]: socket };
  await new Promise<void>((resolve, reject) => {
    execFile(
      program,
      state.split("\n"),
      { env, signal },
      (error) => error ? reject(error) : resolve(),
    );
  });
}
