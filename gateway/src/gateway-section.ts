import { logLevelOption } from "@hexhold/config";
import { z } from "zod";
import { allowedOriginsOption, trustedProxiesOption } from "./gateway-config.ts";

/** What operators may set of a gateway; defaults and reasons are with `gatewayConfigSchema`. */
export const gatewaySection = z.strictObject({
  instance: z.string().default("gateway-1"),
  host: z.string().default("127.0.0.1"),
  port: z.int().min(0).max(65_535).default(7600),
  controlPort: z.int().min(0).max(65_535).default(0),
  logLevel: logLevelOption,
  allowedOrigins: allowedOriginsOption,
  trustedProxies: trustedProxiesOption,
  webRoot: z.string().optional(),
  socketsMax: z.int().min(1).optional(),
  frameBytesMax: z.int().min(1024).optional(),
  commandsInFlightMax: z.int().min(1).optional(),
  commandsPerS: z.number().min(1).optional(),
  commandsBurst: z.int().min(1).optional(),
  frameUnitsPerS: z.number().min(1).optional(),
  frameUnitsBurst: z.int().min(30).optional(),
  newcomersMax: z.int().min(1).optional(),
  newcomersPerAddressMax: z.int().min(1).optional(),
  tokenChecksPerAddressPerS: z.number().min(1).optional(),
  authPerAddressPerMin: z.number().min(1).optional(),
  authPerNamePerMin: z.number().min(1).optional(),
  asksPerAccountPerMin: z.number().min(1).optional(),
  subscriptionsMax: z.int().min(1).optional(),
});
