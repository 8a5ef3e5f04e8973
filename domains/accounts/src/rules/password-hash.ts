import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { normalisedPassword } from "./password-rules.ts";

/** Cost of argon2id: memory in KiB, passes, lanes. */
export interface HashCost {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

/**
 * 19 MiB, two passes, one lane: OWASP Password Storage Cheat Sheet, "Argon2id". About 35 ms of one core; the
 * thread pool of Node computes four at a time, so that a flood of logins takes at most 76 MiB.
 */
export const defaultHashCost: HashCost = { memory: 19_456, passes: 2, parallelism: 1 };

/** RFC 9106, 4: 16 bytes of salt and at least 16 of tag. */
const saltLength = 16;
const tagLength = 32;

const compute = promisify(argon2);
const phc =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Hash of a password as a PHC string, which carries salt and cost. */
export async function hashPassword(password: string, cost = defaultHashCost): Promise<string> {
  const salt = randomBytes(saltLength);
  const tag = await tagOf(password, salt, cost);
  const { memory, passes, parallelism } = cost;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
}

/**
 * Whether `password` belongs to `hash`. `undefined` takes as long as a hash and is never right, so that the time
 * of an answer does not tell whether a name exists. Throws on a text that is no PHC string of argon2id.
 */
export async function verifyPassword(hash: string | undefined, password: string): Promise<boolean> {
  if (hash === undefined) {
    await tagOf(password, Buffer.alloc(saltLength), defaultHashCost);
    return false;
  }
  const { cost, salt, tag } = parse(hash);
  return timingSafeEqual(await tagOf(password, salt, cost), tag);
}

/** Whether `hash` was made at another cost than new ones are. */
export function isOutdatedHash(hash: string, cost = defaultHashCost): boolean {
  const found = parse(hash).cost;
  return (
    found.memory !== cost.memory ||
    found.passes !== cost.passes ||
    found.parallelism !== cost.parallelism
  );
}

function parse(hash: string): { cost: HashCost; salt: Buffer; tag: Buffer } {
  const [, memory, passes, parallelism, salt = "", tag = ""] = phc.exec(hash) ?? [];
  if (memory === undefined) throw new TypeError("a stored password hash is no argon2id PHC string");
  return {
    cost: {
      memory: Number(memory),
      passes: Number(passes),
      parallelism: Number(parallelism),
    },
    salt: Buffer.from(salt, "base64"),
    tag: Buffer.from(tag, "base64"),
  };
}

async function tagOf(password: string, salt: Uint8Array, cost: HashCost): Promise<Buffer> {
  return compute("argon2id", {
    message: normalisedPassword(password),
    nonce: salt,
    tagLength,
    ...cost,
  });
}

/** As PHC strings have it: without padding. */
function base64(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
