import type { HostedService } from "../../../../mod.ts";
import type { Source } from "../../../../src/consumers/mod.ts";
import type { Engine } from "../../servers/mod.ts";

/** Where the messages of one drill are. */
export interface Place {
  readonly url: string;
  readonly queue: string;
}

/** What the host of a worker runs. */
export interface Opened {
  /** What the source needs, and is stopped after it. */
  readonly services: readonly HostedService[];
  readonly source: Source<string | Uint8Array | null>;
}

/** The other side: who sends messages, and looks at what has become of them. */
export interface Feeder {
  /** Makes the queue if it is not there, and sends; resolves when the engine has all of them. */
  send(texts: readonly string[]): Promise<void>;
  /** How many messages wait; of an engine that tells it, those that are in hands as well. */
  left(): Promise<number>;
  /** The messages that are among the dead letters. */
  deadLetters(): Promise<string[]>;
  close(): Promise<void>;
}

/** An engine, as the drills need it: one file each. */
export interface DrillEngine {
  /** How its server is started, killed and started again. */
  readonly server: Engine;
  /**
   * Milliseconds of silence after which a connection counts as lost, where an engine has such a limit. It also deals out
   * the messages anew then, and when a worker comes or goes: what was in hands is begun again.
   */
  readonly sessionTimeout?: number;
  open(place: Place): Promise<Opened>;
  connect(place: Place): Promise<Feeder>;
}

/** Milliseconds for which a delivery is held without a sign of life, where an engine has such a limit. */
export const holdTimeout = 2_000;
