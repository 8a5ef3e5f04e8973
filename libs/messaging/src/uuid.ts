import { randomBytes } from "node:crypto";

const poolBytes = 16 * 256;
let pool = Buffer.alloc(0);
let used = 0;

let lastMs = -1;
let counter = 0;

/**
 * A new UUIDv7 as 16 bytes: 48 bits of Unix milliseconds, a counter of 12 bits that rises within one
 * millisecond (RFC 9562, 6.2, method 1), and 62 random bits. Ids of one process for one millisecond sort in
 * the order in which they were made, up to 2,048 of them.
 */
export function uuidv7Bytes(nowMs: number = Date.now()): Uint8Array {
  if (used >= pool.length) {
    pool = randomBytes(poolBytes);
    used = 0;
  }
  const id = new Uint8Array(16);
  for (let i = 6; i < 16; i++) id[i] = pool[used + i]!;
  used += 16;
  const high = Math.floor(nowMs / 0x1_0000);
  id[0] = (high >>> 24) & 0xff;
  id[1] = (high >>> 16) & 0xff;
  id[2] = (high >>> 8) & 0xff;
  id[3] = high & 0xff;
  id[4] = (nowMs >>> 8) & 0xff;
  id[5] = nowMs & 0xff;
  // Begins in the lower half, so that there is room to rise.
  counter = nowMs === lastMs ? (counter + 1) & 0xfff : ((id[6]! << 8) | id[7]!) & 0x7ff;
  lastMs = nowMs;
  id[6] = 0x70 | (counter >>> 8);
  id[7] = counter & 0xff;
  id[8] = 0x80 | (id[8]! & 0x3f);
  return id;
}

/** Whether `bytes` is a UUIDv7. */
export function isUuidv7(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes[6]! >> 4 === 7 && bytes[8]! >> 6 === 2;
}

/** Unix milliseconds inside a UUIDv7. */
export function uuidv7Ms(bytes: Uint8Array): number {
  return (
    (bytes[0]! * 0x100_0000 + (bytes[1]! << 16) + (bytes[2]! << 8) + bytes[3]!) * 0x1_0000 +
    (bytes[4]! << 8) +
    bytes[5]!
  );
}

/** Text form, 8-4-4-4-12 lower-case hex digits. */
export function uuidText(bytes: Uint8Array): string {
  // Of another length it is no UUID, and must not look like one.
  if (bytes.length !== 16) return hyphenated(Buffer.from(bytes).toString("hex"));
  let at = 0;
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) textOfUuid[at++] = dash;
    const byte = bytes[i]!;
    textOfUuid[at++] = hexDigits[byte >> 4]!;
    textOfUuid[at++] = hexDigits[byte & 15]!;
  }
  return textOfUuid.toString("latin1");
}

function hyphenated(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Written anew each time: cut out of a longer text it would be six texts. */
const textOfUuid = Buffer.alloc(36);
const hexDigits = Buffer.from("0123456789abcdef");
const dash = 0x2d;

/** Reverse of {@link uuidText}. Throws on anything that is no UUID text. */
export function uuidBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new TypeError(`not a UUID: ${JSON.stringify(text.slice(0, 64))}`);
  }
  return new Uint8Array(Buffer.from(text.replaceAll("-", ""), "hex"));
}
