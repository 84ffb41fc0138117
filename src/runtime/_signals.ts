/** The signals that mean stop on an operating system. */
export function stopSignals(windows: boolean): readonly string[] {
  return windows ? ["SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"] : ["SIGINT", "SIGTERM", "SIGQUIT"];
}
