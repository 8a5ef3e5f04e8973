/** Who asks over HTTP: an access token is taken there as on a socket, and its account has a limit of its own. */
import { Code } from "@connectrpc/connect";
import type { Newcomers } from "../admission/newcomers.ts";
import { type TokenCheck, type TokenClaims, TokenError } from "../session/token-check.ts";
import type { AuthLimits } from "./auth-limits.ts";
import type { Revocations } from "./revocations.ts";

export interface CheckAskerOptions {
  readonly checkToken: TokenCheck;
  readonly revocations: Pick<Revocations, "check">;
  /** A check is a signature: an address has its limit of them, `hello` included. */
  readonly newcomers: Pick<Newcomers, "takeTokenCheck">;
  readonly limits: Pick<AuthLimits, "askWaitMs">;
  readonly worldNow: () => number;
}

/** Why a call is not served. */
export interface AskerRefusal {
  readonly code: Code;
  readonly reason: string;
  readonly message: string;
  /** 0 = asking again with this token makes no sense. */
  readonly retryAfterMs: number;
}

/** Undefined: the call may pass, and was counted. */
export type CheckAsker = (
  accessToken: string,
  address: string,
) => Promise<AskerRefusal | undefined>;

const retryMs = 1000;

export function createCheckAsker(options: CheckAskerOptions): CheckAsker {
  const { checkToken, revocations, newcomers, limits, worldNow } = options;
  return async (accessToken, address) => {
    const checkWaitMs = newcomers.takeTokenCheck(address, performance.now());
    if (checkWaitMs > 0) return limited(checkWaitMs);
    let claims: TokenClaims;
    try {
      claims = await checkToken(accessToken);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      const { reason, message } = error;
      return reason === "keys-unknown"
        ? { code: Code.Unavailable, reason, message, retryAfterMs: retryMs }
        : { code: Code.Unauthenticated, reason, message, retryAfterMs: 0 };
    }
    const { accountText, loginId } = claims;
    switch (revocations.check(accountText, loginId, worldNow())) {
      case "banned":
        return refusal(Code.PermissionDenied, "banned", "this account is banned");
      case "logged-out":
        return refusal(Code.Unauthenticated, "logged-out", "this login has ended: log in again");
      default:
    }
    const waitMs = limits.askWaitMs(accountText, performance.now());
    return waitMs > 0 ? limited(waitMs) : undefined;
  };
}

function refusal(code: Code, reason: string, message: string, retryAfterMs = 0): AskerRefusal {
  return { code, reason, message, retryAfterMs };
}

function limited(retryAfterMs: number): AskerRefusal {
  return refusal(Code.ResourceExhausted, "rate-limited", "too many calls: wait", retryAfterMs);
}
