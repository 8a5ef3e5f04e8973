import { hash } from "node:crypto";

/** Length of an idempotency key and of a payload hash: SHA-256. */
export const sha256Length = 32;

const zeroAccount = new Uint8Array(16);

/** Which command, by whom, to whom: everything but the payload. */
export interface CommandIdentity {
  /** 16 bytes; undefined for a command from a service. */
  readonly accountId: Uint8Array | undefined;
  /** 16 bytes: UUIDv7 of the request, or id of the outbox row. */
  readonly requestId: Uint8Array;
  readonly type: string;
  /** Key bytes (12) of the hex, or the subject's UTF-8. */
  readonly target: Uint8Array;
}

/** sha256(account_id ‖ request_id ‖ type ‖ 0x00 ‖ target), docs/formats.md. */
export function idempotencyKeyOf(identity: CommandIdentity): Uint8Array {
  const typeLength = Buffer.byteLength(identity.type);
  const bytes = Buffer.allocUnsafe(33 + typeLength + identity.target.length);
  bytes.set(identity.accountId ?? zeroAccount, 0);
  bytes.set(identity.requestId, 16);
  bytes.write(identity.type, 32);
  bytes[32 + typeLength] = 0;
  bytes.set(identity.target, 33 + typeLength);
  return sha256(bytes);
}

/** SHA-256 of `bytes`, 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  // By way of a text, into Node's pool: as a buffer the digest gets memory outside the heap of its own, which
  // costs three times as much as the hash of a command.
  return Buffer.from(hash("sha256", bytes, "binary"), "latin1");
}
