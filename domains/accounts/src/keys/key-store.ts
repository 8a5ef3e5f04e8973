/** The file of the keys. It alone holds private keys, and its owner alone may read it. */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { z } from "zod";
import { type SigningKey, stillValid, withNewer } from "./signing-key.ts";

const fileSchema = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        kid: z.string().min(1),
        createdMs: z.int(),
        retiredMs: z.int().optional(),
        publicKey: z.string().length(43),
        privateKey: z.string().length(43),
      }),
    )
    .min(1),
});

/** The keys cannot be used as they are; the message says which file, why and what to do. */
export class KeyFileError extends Error {
  readonly code = "KEY_FILE";
  constructor(file: string, why: string, cause?: unknown) {
    super(`${file}: ${why}`, { cause });
    this.name = "KeyFileError";
  }
}

export interface KeyStore {
  /** Oldest first. Read again when another process has changed the file. Throws {@link KeyFileError}. */
  keys(): readonly SigningKey[];
  /** Makes a key that signs from now on, and forgets those that no living token needs. */
  rotate(nowMs: number): Promise<SigningKey>;
}

/**
 * Opens `access-keys.json` in `directory`, with one new key when it is not there. Processes may share a directory.
 * @param tokenMsMax how long an access token may live, tolerances included.
 */
export async function openKeyStore(
  directory: string,
  tokenMsMax: number,
  nowMs: number,
): Promise<KeyStore> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = path.join(directory, "access-keys.json");
  let readAt = "";
  let known: readonly SigningKey[] = [];
  const keys = (): readonly SigningKey[] => {
    const { mtimeMs, ino } = statSync(file);
    const version = `${ino} ${mtimeMs}`;
    if (version !== readAt) {
      known = readKeys(file);
      readAt = version;
    }
    return known;
  };
  if (statSync(file, { throwIfNoEntry: false }) === undefined) {
    createFile(file, [await newKey(nowMs)]);
  }
  keys();
  return {
    keys,
    async rotate(atMs) {
      const newer = await newKey(atMs);
      replaceFile(file, stillValid(withNewer(keys(), newer, atMs), atMs, tokenMsMax));
      return newer;
    },
  };
}

function readKeys(file: string): readonly SigningKey[] {
  if ((statSync(file).mode & 0o077) !== 0) {
    throw new KeyFileError(file, "others may read the private keys: chmod 600");
  }
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, "utf8"))).keys;
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : "no JSON";
    throw new KeyFileError(file, `not a file of keys (${why}): restore it, or remove it`);
  }
}

async function newKey(nowMs: number): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  const jwk = await exportJWK(privateKey);
  return {
    kid: await calculateJwkThumbprint(jwk),
    createdMs: Math.floor(nowMs),
    publicKey: jwk.x ?? "",
    privateKey: jwk.d ?? "",
  };
}

/** Leaves alone what another process has made meanwhile. */
function createFile(file: string, keys: readonly SigningKey[]): void {
  const neighbour = writeNeighbour(file, keys);
  try {
    linkSync(neighbour, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(neighbour, { force: true });
  }
}

function replaceFile(file: string, keys: readonly SigningKey[]): void {
  renameSync(writeNeighbour(file, keys), file);
}

function writeNeighbour(file: string, keys: readonly SigningKey[]): string {
  const neighbour = `${file}.${process.pid}.new`;
  const handle = openSync(neighbour, "w", 0o600);
  try {
    chmodSync(neighbour, 0o600);
    writeSync(handle, `${JSON.stringify({ keys }, undefined, 2)}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  return neighbour;
}
