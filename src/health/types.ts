/**
 * What is asked, by the names of Kubernetes' API server: `livez` whether the process is worth
 * keeping, `startupz` whether the host has started, `readyz` whether it wants work.
 */
export type Probe = "livez" | "startupz" | "readyz";

/** One thing that was looked at. */
export interface HealthCheck {
  /** The probe it belongs to. */
  readonly probe: Probe;
  /** The service's unique name; `host` is the host itself. */
  readonly name: string;
  /**
   * Whether it passed. A service that has failed under `backgroundServiceExceptionBehavior:
   * "ignore"` is `ignored`, one whose `health` says that it can do part of its work only is
   * `degraded`: both are listed, and no reason to be not ready.
   */
  readonly status: "ok" | "degraded" | "failed" | "ignored";
  /** What is wrong, unless it is ok: what the service threw, or an `Error` that says so. */
  readonly error: unknown;
}
