import { tokenAudience, tokenIssuer } from "@hexhold/config";
import { type CryptoKey, importJWK, SignJWT } from "jose";
import type { SigningKey } from "./signing-key.ts";

export interface AccessClaims {
  /** UUID text. */
  readonly accountId: string;
  /** UUID text: what a logout ends. */
  readonly loginId: string;
  /** Key text of the hex where the player was last known to live. */
  readonly residence: string | undefined;
  readonly nowMs: number;
  readonly ttlS: number;
}

export interface AccessToken {
  readonly token: string;
  readonly expiresMs: number;
}

/** Signs with EdDSA; `kid` names the key. */
export async function signAccessToken(
  key: SigningKey,
  { accountId, loginId, residence, nowMs, ttlS }: AccessClaims,
): Promise<AccessToken> {
  const jwk = { kty: "OKP", crv: "Ed25519", x: key.publicKey, d: key.privateKey };
  const issuedS = Math.floor(nowMs / 1000);
  const token = await new SignJWT({
    sid: loginId,
    ...(residence === undefined ? {} : { hex: residence }),
  })
    .setProtectedHeader({ alg: "EdDSA", kid: key.kid })
    .setSubject(accountId)
    .setIssuer(tokenIssuer)
    .setAudience(tokenAudience)
    .setIssuedAt(issuedS)
    .setExpirationTime(issuedS + ttlS)
    .sign((await importJWK(jwk, "EdDSA")) as CryptoKey);
  return { token, expiresMs: (issuedS + ttlS) * 1000 };
}
