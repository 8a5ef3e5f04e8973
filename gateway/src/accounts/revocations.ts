/** Bans and logouts that tokens still in use may run against. Times are world time. */
import type { BanState, EndedLogin } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { uuidText } from "@hexhold/messaging";

/** Why a token that is valid by its signature is not taken. */
export type Revoked = "banned" | "logged-out";

interface KnownBan {
  readonly untilMs: number;
  readonly forgetMs: number;
}

export class Revocations {
  readonly #bans = new Map<string, KnownBan>();
  readonly #logouts = new Map<string, number>();

  /** Returns the account's id when it is kept out now. */
  takeBan(ban: BanState, nowMs: number): string | undefined {
    const account = uuidText(ban.accountId);
    const untilMs = ban.untilMs === 0n ? Infinity : Number(ban.untilMs);
    const forgetMs = Number(ban.forgetMs);
    const known = this.#bans.get(account);
    // An announcement may come after the answer that tells of a later change.
    if (known !== undefined && known.forgetMs > forgetMs) return undefined;
    if (ban.lifted) {
      this.#bans.set(account, { untilMs: 0, forgetMs });
      return undefined;
    }
    this.#bans.set(account, { untilMs, forgetMs });
    return untilMs > nowMs ? account : undefined;
  }

  /** Returns the login's id. */
  takeLogout(login: EndedLogin): string {
    const id = uuidText(login.loginId);
    this.#logouts.set(id, Number(login.forgetMs));
    return id;
  }

  /** Undefined: nothing is known against it. */
  check(account: string, login: string | undefined, nowMs: number): Revoked | undefined {
    const ban = this.#bans.get(account);
    if (ban !== undefined && ban.untilMs > nowMs) return "banned";
    return login !== undefined && this.#logouts.has(login) ? "logged-out" : undefined;
  }

  /** Drops what no living token can run against. */
  forget(nowMs: number): void {
    for (const [account, { forgetMs }] of this.#bans) {
      if (forgetMs < nowMs) this.#bans.delete(account);
    }
    for (const [login, forgetMs] of this.#logouts) {
      if (forgetMs < nowMs) this.#logouts.delete(login);
    }
  }

  get size(): number {
    return this.#bans.size + this.#logouts.size;
  }
}
