import { tokenAudience, tokenIssuer } from "@hexhold/config";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { type Key, parseKeyText } from "@hexhold/hex";
import { uuidBytes } from "@hexhold/messaging";

/** What an access token says. */
export interface TokenClaims {
  /** 16 bytes. */
  readonly accountId: Uint8Array;
  readonly accountText: string;
  /** Unix milliseconds. */
  readonly expiresMs: number;
  /** Hex where the player was last known to live, if the token says so. */
  readonly residence: Key | undefined;
}

/** The token is not one that this gateway takes. `reason` is a kebab-case word for the client. */
export class TokenError extends Error {
  readonly code = "TOKEN";
  readonly reason: "bad-token" | "expired-token";
  constructor(reason: TokenError["reason"], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "TokenError";
    this.reason = reason;
  }
}

export type TokenCheck = (token: string) => Promise<TokenClaims>;

/** Clocks of services may differ by so much. */
const clockToleranceS = 5;

/** Makes the check from a JWKS document. EdDSA only. Throws when the document is none. */
export function createTokenCheck(jwksText: string): TokenCheck {
  const keys = createLocalJWKSet(JSON.parse(jwksText) as JSONWebKeySet);
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ["EdDSA"],
        issuer: tokenIssuer,
        audience: tokenAudience,
        requiredClaims: ["sub", "exp"],
        clockTolerance: clockToleranceS,
      });
      const accountText = payload.sub ?? "";
      return {
        accountId: uuidBytes(accountText),
        accountText,
        expiresMs: (payload.exp ?? 0) * 1000,
        residence: typeof payload["hex"] === "string" ? parseKeyText(payload["hex"]) : undefined,
      };
    } catch (error) {
      const expired = (error as { code?: string }).code === "ERR_JWT_EXPIRED";
      throw expired
        ? new TokenError("expired-token", "the access token has expired: get a new one", error)
        : new TokenError("bad-token", "the access token is not valid here: log in again", error);
    }
  };
}
