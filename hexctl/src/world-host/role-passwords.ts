import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { serviceRoles } from "@hexhold/postgres";
import { z } from "zod";
import { writeFileWhole } from "../write-file-whole.ts";

const schema = z.object({
  roles: z.record(z.string(), z.string().min(20)),
  controlToken: z.string().min(20),
  adminToken: z.string().min(20),
});

/** Passwords of the services' database roles, and the tokens of control and admin plane. */
export type HostSecrets = z.infer<typeof schema>;

/** Made once per data directory, mode 0600. */
export function loadHostSecrets(dataDir: string): HostSecrets {
  const file = join(dataDir, "host-secrets.json");
  if (existsSync(file)) return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  const secret = (): string => randomBytes(24).toString("base64url");
  const secrets: HostSecrets = {
    roles: Object.fromEntries(serviceRoles.map((role) => [role, secret()])),
    controlToken: secret(),
    adminToken: secret(),
  };
  writeFileWhole(file, `${JSON.stringify(secrets, undefined, 2)}\n`);
  return secrets;
}

/** `adminUrl` with the login of `role`. */
export function urlOfRole(adminUrl: string, role: string, password: string): string {
  const url = new URL(adminUrl);
  url.username = role;
  url.password = password;
  return url.href;
}
