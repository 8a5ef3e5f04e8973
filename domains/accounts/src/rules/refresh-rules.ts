/** What becomes of a refresh token that is presented. */

/** A refresh token as it is stored, with its login and account. */
export interface PresentedToken {
  readonly expiresMs: number;
  /** Undefined: not used yet. */
  readonly used: { readonly atMs: number; readonly requestId: string } | undefined;
  readonly loginEnded: boolean;
  /** Undefined: not banned; `Infinity`: for ever. */
  readonly bannedUntilMs: number | undefined;
}

/**
 * - `rotate`: it is used up, and the next one is given.
 * - `repeat`: its answer was lost, and the same request came again: another next one is given.
 * - `theft`: it was used before: two have it, and its login ends.
 */
export type RefreshVerdict = "rotate" | "repeat" | "theft" | "bad-refresh-token" | "banned";

/** A request is repeated within so long, if at all. */
export const repeatMsMax = 60_000;

/** Judges a token that `requestId` presents at `nowMs`; undefined = a token that nobody knows. */
export function judgeRefresh(
  token: PresentedToken | undefined,
  requestId: string,
  nowMs: number,
): RefreshVerdict {
  if (token === undefined || token.loginEnded || token.expiresMs <= nowMs) {
    return "bad-refresh-token";
  }
  const { used } = token;
  const isRepetition = used?.requestId === requestId && nowMs - used.atMs <= repeatMsMax;
  if (used !== undefined && !isRepetition) return "theft";
  if (isBanned(token.bannedUntilMs, nowMs)) return "banned";
  return used === undefined ? "rotate" : "repeat";
}

export function isBanned(bannedUntilMs: number | undefined, nowMs: number): boolean {
  return bannedUntilMs !== undefined && bannedUntilMs > nowMs;
}
