/**
 * The newest session of each account, as far as this gateway has heard: its own sessions, and those that other
 * gateways announce. Session ids are UUIDv7 on world time, so the higher one is the newer.
 */
import { isUuidv7, uuidv7Bytes, uuidv7Ms } from "@hexhold/messaging";
import { compareBytes } from "../interest/compare-bytes.ts";

interface KnownSession {
  readonly id: Uint8Array;
  /** It began at this gateway, and may go on here. */
  readonly isOwn: boolean;
}

/** Accounts that are remembered; whoever was not heard of for longest is forgotten. */
const accountsMax = 50_000;
/** A client may name a session so far ahead of this gateway's clock; clocks of gateways differ by less. */
const aheadMsMax = 5000;

export class NewestSessions {
  readonly #newest = new Map<string, KnownSession>();

  /**
   * The id of a session that begins here: `resume` when that is the account's newest and began here, else a new
   * one above all that are known of the account, `resume` among them.
   */
  begin(account: string, resume: Uint8Array, nowMs: number): Uint8Array {
    const newest = this.#newest.get(account);
    const isResumed = newest?.isOwn === true && compareBytes(newest.id, resume) === 0;
    const afterMs = Math.max(
      newest === undefined ? 0 : msAfter(newest.id),
      resumedMs(resume, nowMs),
    );
    const id = isResumed ? newest.id : uuidv7Bytes(Math.max(nowMs, afterMs));
    this.#note(account, { id, isOwn: true });
    return id;
  }

  /** Another gateway's session. False: a newer one is known. */
  heard(account: string, id: Uint8Array): boolean {
    const newest = this.#newest.get(account);
    if (newest !== undefined && compareBytes(newest.id, id) > 0) return false;
    // Of its own memory: `id` is a view into a message, and would keep all of the message's.
    this.#note(account, { id: new Uint8Array(id), isOwn: false });
    return true;
  }

  #note(account: string, session: KnownSession): void {
    this.#newest.delete(account);
    this.#newest.set(account, session);
    if (this.#newest.size > accountsMax) this.#newest.delete(this.#newest.keys().next().value!);
  }
}

function msAfter(id: Uint8Array): number {
  return uuidv7Ms(id) + 1;
}

/** Only within what clocks may differ: a client must not make its session newer than any to come. */
function resumedMs(resume: Uint8Array, nowMs: number): number {
  if (!isUuidv7(resume)) return 0;
  const ms = msAfter(resume);
  return ms <= nowMs + aheadMsMax ? ms : 0;
}
