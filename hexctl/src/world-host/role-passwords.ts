import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { services, userOfService } from "@hexhold/messaging";
import { loginOf, serviceRoles } from "@hexhold/postgres";
import { z } from "zod";
import { readOwnFile, writeFileWhole } from "@hexhold/local-stack";

const schema = z.object({
  roles: z.record(z.string(), z.string().min(20)),
  /** Of the broker's users, by service. */
  brokerUsers: z.record(z.string(), z.string().min(20)).default({}),
  /** Under which its services log in at PostgreSQL; see `loginOf`. */
  loginSuffix: z
    .string()
    .regex(/^[a-z0-9]{1,16}$/)
    .optional(),
  controlToken: z.string().min(20),
  adminToken: z.string().min(20),
});

const advice =
  "it holds the passwords of the services and the admin token, so restore it from a backup, or move it " +
  "away: the next start makes new ones and gives them to the database.";

/** Passwords of the services' database roles, and the tokens of control and admin plane. */
export type HostSecrets = z.infer<typeof schema> & { readonly loginSuffix: string };

/** Made once per data directory, mode 0600. What came with a newer version is made when it is missed. */
export function loadHostSecrets(dataDir: string): HostSecrets {
  const file = join(dataDir, "host-secrets.json");
  const known = readOwnFile(file, schema, advice);
  if (
    known?.loginSuffix !== undefined &&
    serviceRoles.every((role) => known.roles[role] !== undefined) &&
    services.every(({ name }) => known.brokerUsers[name] !== undefined)
  ) {
    return { ...known, loginSuffix: known.loginSuffix };
  }
  const secret = (): string => randomBytes(24).toString("base64url");
  const secrets: HostSecrets = {
    roles: Object.fromEntries(serviceRoles.map((role) => [role, known?.roles[role] ?? secret()])),
    brokerUsers: Object.fromEntries(
      services.map(({ name }) => [name, known?.brokerUsers[name] ?? secret()]),
    ),
    loginSuffix: known?.loginSuffix ?? randomBytes(4).toString("hex"),
    controlToken: known?.controlToken ?? secret(),
    adminToken: known?.adminToken ?? secret(),
  };
  writeFileWhole(file, `${JSON.stringify(secrets, undefined, 2)}\n`);
  return secrets;
}

/** `adminUrl` with this world's user of `service` at the broker. */
export function urlOfUser(
  adminUrl: string,
  service: string,
  { brokerUsers, loginSuffix }: Pick<HostSecrets, "brokerUsers" | "loginSuffix">,
): string {
  const url = new URL(adminUrl);
  url.username = userOfService(service, loginSuffix);
  url.password = brokerUsers[service] ?? "";
  return url.href;
}

/** `adminUrl` with this world's login of `role`. */
export function urlOfRole(
  adminUrl: string,
  role: string,
  { roles, loginSuffix }: Pick<HostSecrets, "roles" | "loginSuffix">,
): string {
  const url = new URL(adminUrl);
  url.username = loginOf(role, loginSuffix);
  url.password = roles[role] ?? "";
  return url.href;
}
