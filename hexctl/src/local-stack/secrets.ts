import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileWhole } from "../write-file-whole.ts";

const secretsSchema = z.object({
  postgres: z.string().min(20),
  rabbitmq: z.string().min(20),
  redis: z.string().min(20),
  mongodb: z.string().min(20),
});

export type StackSecrets = z.infer<typeof secretsSchema>;

/**
 * The passwords of the private services: generated once per data directory (192 bits each)
 * and kept beside the data that they open, in a file of mode 0600.
 */
export function loadSecrets(dataDir: string): StackSecrets {
  const file = join(dataDir, "secrets.json");
  if (existsSync(file)) {
    const parsed = secretsSchema.safeParse(JSON.parse(readFileSync(file, "utf8")));
    if (!parsed.success) {
      throw new Error(
        `${file} is not what hexctl wrote: ${z.prettifyError(parsed.error)}\n` +
          `The databases beside it can only be opened with its passwords. ` +
          `Restore it, or remove the whole directory to begin anew.`,
      );
    }
    return parsed.data;
  }
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
