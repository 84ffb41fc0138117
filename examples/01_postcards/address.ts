/** Whether an address is one of this machine, which nobody else can have. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::1|(::ffff:)?127\.[\d.]+)$/.test(address);
}
