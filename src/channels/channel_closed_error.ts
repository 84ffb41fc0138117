/**
 * A channel was written to after its end, or read from when nothing is left. Its `cause` is the
 * error that the channel was completed with, if there was one.
 */
export class ChannelClosedError extends Error {
  /** The name of the class. */
  override readonly name: string = "ChannelClosedError";
  /** Stable; compare this rather than the class, of which a program may hold two copies. */
  readonly code: "ERR_CHANNEL_CLOSED" = "ERR_CHANNEL_CLOSED";
}
