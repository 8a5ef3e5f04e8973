import { randomBytes } from "node:crypto";
import { sha256 } from "@hexhold/messaging";

/** Bytes of a refresh token: all of them random, so that a plain hash keeps it. */
const refreshTokenLength = 32;

export interface NewRefreshToken {
  readonly token: Uint8Array;
  /** What is stored of it. */
  readonly hash: Uint8Array;
}

export function newRefreshToken(): NewRefreshToken {
  const token = randomBytes(refreshTokenLength);
  return { token, hash: sha256(token) };
}
