/** Keys of access tokens: the newest signs, older ones stay valid for as long as a token may live. */

export interface SigningKey {
  /** Thumbprint of the public key (RFC 7638). */
  readonly kid: string;
  readonly createdMs: number;
  /** Since when a newer one signs; undefined for the newest. */
  readonly retiredMs?: number | undefined;
  /** Ed25519, base64url. */
  readonly publicKey: string;
  readonly privateKey: string;
}

/** `keys` with a newer one that signs from `nowMs` on. Oldest first. */
export function withNewer(
  keys: readonly SigningKey[],
  newer: SigningKey,
  nowMs: number,
): readonly SigningKey[] {
  return [...keys.map((key) => ({ ...key, retiredMs: key.retiredMs ?? nowMs })), newer];
}

/** Those by which a token that still lives may have been signed, if tokens live `tokenMsMax` at most. */
export function stillValid(
  keys: readonly SigningKey[],
  nowMs: number,
  tokenMsMax: number,
): readonly SigningKey[] {
  return keys.filter(({ retiredMs }) => retiredMs === undefined || nowMs < retiredMs + tokenMsMax);
}

/** The one that signs. Throws when there is none. */
export function signingOne(keys: readonly SigningKey[]): SigningKey {
  const newest = keys.at(-1);
  if (newest === undefined) throw new Error("there is no key to sign access tokens with");
  return newest;
}
