/** Under which token a connection goes on: checks each one, and ends the connection when the last has expired. */
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { EdgeError } from "../admission/check-command.ts";
import type { Edge } from "../edge.ts";
import { type TokenClaims, TokenError } from "../session/token-check.ts";
import { closeCode } from "./close-code.ts";

const firstTokenMsMax = 5000;
const expiryNoticeMs = 60_000;
const timerMsMax = 2 ** 31 - 1;

/** The connection, as far as a token concerns it. */
export interface TokenGuardPort {
  /** The token expires in 60 s. */
  expiring(): void;
  fault(error: EdgeError): void;
  close(code: number, reason: string): void;
}

export class TokenGuard {
  readonly #edge: Pick<Edge, "checkToken" | "revocations" | "worldNow">;
  readonly #port: TokenGuardPort;
  #timer: NodeJS.Timeout;
  #loginId: string | undefined;

  /** The first token is to be accepted within 5 s. */
  constructor(edge: Pick<Edge, "checkToken" | "revocations" | "worldNow">, port: TokenGuardPort) {
    this.#edge = edge;
    this.#port = port;
    this.#timer = setTimeout(
      () => port.close(closeCode.notAuthenticated, "no hello within 5 s"),
      firstTokenMsMax,
    );
  }

  /** UUID text of the login of the token that was accepted last. */
  get loginId(): string | undefined {
    return this.#loginId;
  }

  /** What a token says. Undefined: it does not count; the client was told why and the connection closed. */
  async check(token: string): Promise<TokenClaims | undefined> {
    try {
      const claims = await this.#edge.checkToken(token);
      return this.#isRevoked(claims) ? undefined : claims;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      const { reason, message } = error;
      const isUnknown = reason === "keys-unknown";
      const code = isUnknown ? ErrorCode.UNAVAILABLE : ErrorCode.UNAUTHENTICATED;
      this.#port.fault({ code, reason, message });
      this.#port.close(isUnknown ? closeCode.tryLater : closeCode.notAuthenticated, reason);
      return undefined;
    }
  }

  /** The connection goes on under this token: it tells the client 60 s before it expires, and closes then. */
  accept({ loginId, expiresMs }: TokenClaims): void {
    this.#loginId = loginId;
    clearTimeout(this.#timer);
    const leftMs = expiresMs - this.#edge.worldNow();
    const end = (): void =>
      this.#port.close(closeCode.notAuthenticated, "the access token has expired");
    this.#timer = setTimeout(
      () => {
        this.#port.expiring();
        this.#timer = setTimeout(end, Math.min(expiryNoticeMs, Math.max(leftMs, 0)));
      },
      Math.min(Math.max(leftMs - expiryNoticeMs, 0), timerMsMax),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #isRevoked({ accountText, loginId }: TokenClaims): boolean {
    const { revocations, worldNow } = this.#edge;
    const revoked = revocations.check(accountText, loginId, worldNow());
    if (revoked === "banned") {
      const message = "this account is banned";
      this.#port.fault({ code: ErrorCode.PERMISSION_DENIED, reason: "banned", message });
      this.#port.close(closeCode.banned, message);
    } else if (revoked === "logged-out") {
      const message = "this login has ended: log in again";
      this.#port.fault({ code: ErrorCode.UNAUTHENTICATED, reason: "logged-out", message });
      this.#port.close(closeCode.notAuthenticated, message);
    }
    return revoked !== undefined;
  }
}
