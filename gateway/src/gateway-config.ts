import { releaseVersion } from "@hexhold/config";
import { z } from "zod";

/** Configuration of a gateway; every field with its default and why. */
export const gatewayConfigSchema = z.object({
  /** Name in the cluster, unique: `gateway-1`. */
  instance: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  host: z.string().default("127.0.0.1"),
  /** WebSocket and HTTP. 0 = any free port; the next free one if taken. */
  port: z.number().int().min(0).max(65_535).default(7600),
  controlHost: z.string().default("127.0.0.1"),
  controlPort: z.number().int().min(0).max(65_535).default(0),
  controlToken: z.string().optional(),
  /** JWKS document with public keys of access tokens beside those of the accounts service. No private key. */
  tokenKeys: z.string().min(1).default('{"keys":[]}'),
  /** Origins whose pages may connect; software without an origin always may. Default: pages of this gateway. */
  allowedOrigins: z.array(z.string()).default([]),
  /** Folder served at `GET /`; undefined = a line of text. */
  webRoot: z.string().optional(),
  /** Module of the game, for its descriptors only. */
  game: z.object({ module: z.string().min(1), options: z.unknown() }),
  /** Coarser cells that the world is restricted to; none = the globe. */
  worldBounds: z.array(z.string()).default([]),
  /** Layers of the world. */
  worldLayers: z.array(z.number().int().min(0)).default([0]),
  socketsMax: z.number().int().min(1).default(10_000),
  frameBytesMax: z
    .number()
    .int()
    .min(1024)
    .default(16 * 1024),
  commandsInFlightMax: z.number().int().min(1).default(64),
  /** One token bucket a connection. */
  commandsPerS: z.number().min(1).default(50),
  commandsBurst: z.number().int().min(1).default(100),
  /** Refused commands in a row, without one that was taken, after which a flooding connection is closed. */
  floodMax: z.number().int().min(1).default(500),
  subscriptionsMax: z.number().int().min(1).default(19),
  /** Calls of AuthService a minute from one address; an IPv6 network of /64 counts as one. */
  authPerAddressPerMin: z.number().min(1).default(60),
  /** Registrations and logins a minute for one name, from wherever. */
  authPerNamePerMin: z.number().min(1).default(10),
  /** Results of commands are kept so long; a request id may be an hour younger at most. */
  resultRetentionHours: z.number().int().min(24).default(72),
  version: z.string().default(releaseVersion),
});

export type GatewayConfig = z.infer<typeof gatewayConfigSchema>;
