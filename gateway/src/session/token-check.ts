import { tokenAudience, tokenIssuer } from "@hexhold/config";
import { type Key, parseKeyText } from "@hexhold/hex";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import { decodeJwt, jwtVerify } from "jose";
import { type KeyRing, KeysUnknownError } from "./key-ring.ts";

/** What an access token says. */
export interface TokenClaims {
  /** 16 bytes. */
  readonly accountId: Uint8Array;
  readonly accountText: string;
  /** UUID text of the login under which it was given; undefined for one that the accounts service did not sign. */
  readonly loginId: string | undefined;
  /** Unix milliseconds; 0: the token does not say. */
  readonly issuedMs: number;
  /** Unix milliseconds. */
  readonly expiresMs: number;
  /** Hex where the player was last known to live, if the token says so. */
  readonly residence: Key | undefined;
}

/** The token is not one that this gateway takes. `reason` is a kebab-case word for the client. */
export class TokenError extends Error {
  readonly code = "TOKEN";
  readonly reason: "bad-token" | "expired-token" | "keys-unknown";
  constructor(reason: TokenError["reason"], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "TokenError";
    this.reason = reason;
  }
}

export type TokenCheck = (token: string) => Promise<TokenClaims>;

/** The account that a token names, whoever signed it; empty where it names none. */
export function claimedAccount(token: string): string {
  try {
    return uuidText(uuidBytes(decodeJwt(token).sub ?? ""));
  } catch {
    return "";
  }
}

/** Clocks of services may differ by so much. */
const clockToleranceS = 5;

/**
 * Makes the check. EdDSA only.
 * @param worldNow what a token's times are held against; this machine's clock may be set.
 */
export function createTokenCheck(keys: Pick<KeyRing, "keyOf">, worldNow: () => number): TokenCheck {
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys.keyOf, {
        algorithms: ["EdDSA"],
        issuer: tokenIssuer,
        audience: tokenAudience,
        requiredClaims: ["sub", "exp"],
        clockTolerance: clockToleranceS,
        currentDate: new Date(worldNow()),
      });
      const accountId = uuidBytes(payload.sub ?? "");
      return {
        accountId,
        // In one spelling everywhere: it is the subject of commands, and finds their queue.
        accountText: uuidText(accountId),
        loginId: typeof payload["sid"] === "string" ? payload["sid"] : undefined,
        issuedMs: (payload.iat ?? 0) * 1000,
        expiresMs: (payload.exp ?? 0) * 1000,
        residence: typeof payload["hex"] === "string" ? parseKeyText(payload["hex"]) : undefined,
      };
    } catch (error) {
      if (error instanceof KeysUnknownError) {
        throw new TokenError("keys-unknown", `${error.message}: try again`, error);
      }
      const expired = (error as { code?: string }).code === "ERR_JWT_EXPIRED";
      throw expired
        ? new TokenError("expired-token", "the access token has expired: get a new one", error)
        : new TokenError("bad-token", "the access token is not valid here: log in again", error);
    }
  };
}
