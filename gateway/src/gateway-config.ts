import { booksOption, releaseVersion } from "@hexhold/config";
import { z } from "zod";
import { originOf, parseNetwork } from "./client-of.ts";

/** `https://play.example`: scheme, host and port, no path. */
export const allowedOriginsOption = z
  .array(
    z
      .string()
      .refine((text) => originOf(text) !== undefined, "an origin, such as https://play.example"),
  )
  .default([]);

/** `10.0.0.0/8`, `2001:db8::/32`, `127.0.0.1`. */
export const trustedProxiesOption = z
  .array(
    z
      .string()
      .refine((text) => parseNetwork(text) !== undefined, "an address or a network: 10.0.0.0/8"),
  )
  .default([]);

/** Configuration of a gateway; every field with its default and why. */
export const gatewayConfigSchema = z.object({
  /** Name in the cluster, unique: `gateway-1`. */
  instance: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  host: z.string().default("127.0.0.1"),
  /** WebSocket and HTTP. 0 = any free port; the next free one if taken, for no secret goes to it unasked. */
  port: z.number().int().min(0).max(65_535).default(7600),
  controlHost: z.string().default("127.0.0.1"),
  controlPort: z.number().int().min(0).max(65_535).default(0),
  controlToken: z.string().optional(),
  /** JWKS document with public keys of access tokens beside those of the accounts service. No private key. */
  tokenKeys: z.string().min(1).default('{"keys":[]}'),
  /** Origins whose pages may connect; software without an origin always may. Default: pages of this gateway. */
  allowedOrigins: allowedOriginsOption,
  /** Proxies whose forwarded headers say who a client is and whether it came by TLS. Default: nobody's word counts. */
  trustedProxies: trustedProxiesOption,
  /** Folder served at `GET /`; undefined = a line of text. */
  webRoot: z.string().optional(),
  /** Module of the game, for its descriptors only. */
  game: z.object({ module: z.string().min(1), options: z.unknown() }),
  /** Coarser cells that the world is restricted to; none = the globe. */
  worldBounds: z.array(z.string()).default([]),
  /** Layers of the world. */
  worldLayers: z.array(z.number().int().min(0)).default([0]),
  /** Books of the market that can be listened to. */
  books: booksOption,
  socketsMax: z.number().int().min(1).default(10_000),
  frameBytesMax: z
    .number()
    .int()
    .min(1024)
    .default(16 * 1024),
  commandsInFlightMax: z.number().int().min(1).default(64),
  /** Budget of an account, whatever its connections. */
  commandsPerS: z.number().min(1).default(50),
  commandsBurst: z.number().int().min(1).default(100),
  /** Budget of an account for all other frames, in units; what costs how much: docs/protocol.md. Spent: closed. */
  frameUnitsPerS: z.number().min(1).default(50),
  frameUnitsBurst: z.number().int().min(30).default(250),
  /** Connections without a session: each may cost 64 KiB. Beyond it the one that has waited longest is closed. */
  newcomersMax: z.number().int().min(1).default(1000),
  /** The same of one address; an IPv6 network of /64 counts as one. A mass of clients behind one address comes back in turn. */
  newcomersPerAddressMax: z.number().int().min(1).default(200),
  /** Tokens of `hello` that are checked a second for one address, and five times as many at once: a check is a signature. */
  tokenChecksPerAddressPerS: z.number().min(1).default(200),
  subscriptionsMax: z.number().int().min(1).default(19),
  /** Calls of AuthService a minute from one address; an IPv6 network of /64 counts as one. */
  authPerAddressPerMin: z.number().min(1).default(60),
  /** Registrations and logins a minute for one name, from wherever. */
  authPerNamePerMin: z.number().min(1).default(10),
  /** Calls of AuthService a minute under the access tokens of one account: `GetNames`. */
  asksPerAccountPerMin: z.number().min(1).default(60),
  /** Results of commands are kept so long; a request id may be an hour younger at most. */
  resultRetentionHours: z.number().int().min(24).default(72),
  version: z.string().default(releaseVersion),
});

export type GatewayConfig = z.infer<typeof gatewayConfigSchema>;
