/** `ws://[::1]:7600` of `ws`, `::1` and 7600: an IPv6 address stands in brackets in a URL, and nowhere else. */
export function urlOf(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The address or name in a URL, as sockets take it: an IPv6 address without its brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}
