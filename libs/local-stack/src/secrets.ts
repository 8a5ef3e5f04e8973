import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { readOwnFile } from "./own-file.ts";
import { writeFileWhole } from "./write-file-whole.ts";

const secretsSchema = z.object({
  postgres: z.string().min(20),
  rabbitmq: z.string().min(20),
  redis: z.string().min(20),
  mongodb: z.string().min(20),
});

export type StackSecrets = z.infer<typeof secretsSchema>;

const advice =
  "it holds the passwords of the databases beside it, so restore it from a backup; " +
  "another HEXHOLD_DATA_DIR begins a new world and leaves this one as it is.";

/**
 * The passwords of the private services: generated once per data directory (192 bits each)
 * and kept beside the data that they open, in a file of mode 0600.
 */
export function loadSecrets(dataDir: string): StackSecrets {
  const file = join(dataDir, "secrets.json");
  const known = readOwnFile(file, secretsSchema, advice);
  if (known !== undefined) return known;
  const generate = (): string => randomBytes(24).toString("base64url");
  const secrets = {
    postgres: generate(),
    rabbitmq: generate(),
    redis: generate(),
    mongodb: generate(),
  };
  writeFileWhole(file, `${JSON.stringify(secrets, undefined, 2)}\n`);
  return secrets;
}
