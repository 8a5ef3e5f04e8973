/** Who a request comes from, and under which address it asked for the gateway: behind proxies that are trusted. */
import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

export interface ClientOfRequest {
  /** Address of the peer, or what the last trusted proxy says of it. */
  readonly address: string;
  /** The gateway as the client knows it: `https://play.example`; undefined where the request names no usable host. */
  readonly ownOrigin: string | undefined;
}

interface Network {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
}

/** `10.0.0.0/8`, `::1` or `2001:db8::/32`. Undefined: it is none. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = "", given] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return undefined;
  const bitsMax = version === 4 ? 32 : 128;
  const bits = Number(given ?? bitsMax);
  return bits > bitsMax ? undefined : { address, bits, family: version === 4 ? "ipv4" : "ipv6" };
}

/** `https://play.example:8443` of any spelling of it; undefined where it is no origin, such as `null`. */
export function originOf(text: string): string | undefined {
  const url = URL.parse(text);
  const isOrigin = url !== null && /^(https?|wss?):$/.test(url.protocol) && url.pathname === "/";
  return isOrigin && url.search === "" && url.hash === "" ? url.origin : undefined;
}

/** Whether an address is one of `trustedProxies`: addresses and networks. */
export function createTrust(trustedProxies: readonly string[]): (address: string) => boolean {
  const trusted = new BlockList();
  for (const text of trustedProxies) {
    const network = parseNetwork(text);
    if (network !== undefined) trusted.addSubnet(network.address, network.bits, network.family);
  }
  return (address) => {
    const version = isIP(address);
    return version !== 0 && trusted.check(address, version === 4 ? "ipv4" : "ipv6");
  };
}

/**
 * `isTrusted` says of an address whether its `Forwarded`, or `X-Forwarded-For`, `-Proto` and `-Host`, count. Each
 * such proxy adds what it sees to the end, so the list is read from there as long as the addresses are trusted;
 * what stands before the first other one is anybody's word.
 */
export function createClientOf(
  isTrusted: (address: string) => boolean,
): (request: IncomingMessage) => ClientOfRequest {
  return ({ headers, socket }) => {
    const peer = socket.remoteAddress ?? "";
    const direct = { address: peer, ownOrigin: originOf(`http://${headers.host ?? ""}`) };
    if (!isTrusted(peer)) return direct;
    const hops = hopsOf(headers);
    let { address } = direct;
    let proto = "http";
    let host = headers.host ?? "";
    for (const hop of hops.toReversed()) {
      // What a trusted proxy says of its own peer.
      ({ address = address, proto = proto, host = host } = hop);
      if (!isTrusted(address)) break;
    }
    return { address, ownOrigin: originOf(`${proto}://${host}`) };
  };
}

interface Hop {
  readonly address?: string;
  readonly proto?: string;
  readonly host?: string;
}

/** Nearest to the client first. */
function hopsOf(headers: IncomingMessage["headers"]): Hop[] {
  const forwarded = textOf(headers["forwarded"]);
  if (forwarded !== "") return forwarded.split(",").map(hopOf);
  const protos = listOf(headers["x-forwarded-proto"]);
  const hosts = listOf(headers["x-forwarded-host"]);
  const addresses = listOf(headers["x-forwarded-for"]);
  const count = Math.max(addresses.length, 1);
  // A proxy that replaces a header and one that adds to it: the last entry is the nearest proxy's either way.
  return Array.from({ length: count }, (_, i) => ({
    ...optional("address", bare(addresses[i] ?? "")),
    ...optional("proto", protos[protos.length - count + i] ?? protos.at(-1) ?? ""),
    ...optional("host", hosts[hosts.length - count + i] ?? hosts.at(-1) ?? ""),
  }));
}

/** Of RFC 7239: `for="[2001:db8::7]:4711";proto=https;host=play.example`. */
function hopOf(element: string): Hop {
  const pairs = element.split(";").map((pair): [string, string] => {
    const [name = "", value = ""] = pair.split(/=(.*)/s);
    return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1")];
  });
  const found = new Map(pairs);
  return {
    ...optional("address", bare(found.get("for") ?? "")),
    ...optional("proto", found.get("proto") ?? ""),
    ...optional("host", found.get("host") ?? ""),
  };
}

/** Without port and brackets; empty where it is no address, such as `unknown`. */
function bare(text: string): string {
  const [, inBrackets] = /^\[(.+)\](?::\d+)?$/.exec(text) ?? [];
  const [, withPort] = /^([\d.]+):\d+$/.exec(text) ?? [];
  const address = inBrackets ?? withPort ?? text;
  return isIP(address) === 0 ? "" : address;
}

function optional(name: keyof Hop, value: string): Hop {
  return value === "" ? {} : { [name]: value };
}

function textOf(header: string | string[] | undefined): string {
  return Array.isArray(header) ? header.join(",") : (header ?? "");
}

function listOf(header: string | string[] | undefined): string[] {
  const text = textOf(header);
  return text === "" ? [] : text.split(",").map((item) => item.trim());
}
