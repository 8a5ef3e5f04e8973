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

/** Made once per data directory, mode 0600. A role that is newer than the file gets its password now. */
export function loadHostSecrets(dataDir: string): HostSecrets {
  const file = join(dataDir, "host-secrets.json");
  const secret = (): string => randomBytes(24).toString("base64url");
  const known = existsSync(file)
    ? schema.parse(JSON.parse(readFileSync(file, "utf8")))
    : { roles: {}, controlToken: secret(), adminToken: secret() };
  const fresh = serviceRoles.filter((role) => !(role in known.roles));
  if (fresh.length === 0) return known;
  const made = Object.fromEntries(fresh.map((role) => [role, secret()]));
  const secrets: HostSecrets = { ...known, roles: { ...known.roles, ...made } };
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
