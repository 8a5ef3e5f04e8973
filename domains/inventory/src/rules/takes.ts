/** Goods that hexes take from players, and give back. Pure; the protocol is `docs/models/Take.tla`. */
import { isForgotten, type StepAnswer } from "./escrow.ts";
import { burnOf, isAssetName, mintOf, playerOf } from "./ledger-account.ts";
import type { LedgerRows, Take } from "./ledger-rows.ts";

export type TakeStep = Omit<Take, "state" | "reason">;

export function decideTake(rows: LedgerRows, step: TakeStep, nowMs: number): StepAnswer {
  const known = rows.take(step.takeId);
  if (known !== undefined) return answerOf(known);
  if (isForgotten(step.takeId, nowMs)) return { kind: "forgotten" };
  const { takeId, account, asset, amount, siteId, atMs } = step;
  const available = isAssetName(asset) ? rows.balanceOf(playerOf(account, asset)) : 0n;
  if (available < amount) return refuseTake(rows, step, "insufficient-goods");
  rows.post({ transactionId: takeId, kind: "take", atMs }, [
    { account: playerOf(account, asset), amount: -amount },
    { account: burnOf(asset), amount },
  ]);
  rows.addTake({ ...step, state: "taken", reason: "" });
  if (siteId !== undefined) rows.changeSite({ siteId, account, asset, taken: amount, given: 0n });
  return { kind: "yes" };
}

/** What a step is answered that was given up: the record's answer, or "no" for good. */
export function giveUpTake(rows: LedgerRows, step: TakeStep): StepAnswer {
  const known = rows.take(step.takeId);
  return known === undefined ? refuseTake(rows, step, "gave-up") : answerOf(known);
}

/** Of a step that has no record: "no" for good, which its late copy finds. */
function refuseTake(rows: LedgerRows, step: TakeStep, reason: string): StepAnswer {
  rows.addTake({ ...step, state: "refused", reason });
  return { kind: "no", reason };
}

/** The record's answer; without a record a refusal is recorded. Never undoes a "yes". */
export function decideCancelTake(
  rows: LedgerRows,
  step: Pick<TakeStep, "takeId" | "account" | "atMs">,
  nowMs: number,
): StepAnswer {
  const known = rows.take(step.takeId);
  if (known !== undefined) return answerOf(known);
  if (isForgotten(step.takeId, nowMs)) return { kind: "forgotten" };
  return refuseTake(rows, { ...step, asset: "", amount: 0n, siteId: undefined }, "cancelled");
}

function answerOf({ state, reason }: Take): StepAnswer {
  return state === "taken" ? { kind: "yes" } : { kind: "no", reason };
}

export interface Gift {
  readonly giveId: Uint8Array;
  readonly siteId: Uint8Array;
  readonly account: Uint8Array;
  readonly asset: string;
  readonly amount: bigint;
  readonly atMs: bigint;
}

/** Gives back, once, at most what was taken of the account for the site. Throws on more: it is owed, and a fault of ours. */
export function decideGive(rows: LedgerRows, gift: Gift): void {
  const { giveId, siteId, account, asset, amount, atMs } = gift;
  if (rows.isPosted(giveId)) return;
  rows.changeSite({ siteId, account, asset, taken: 0n, given: amount });
  rows.post({ transactionId: giveId, kind: "give", atMs }, [
    { account: mintOf(asset), amount: -amount },
    { account: playerOf(account, asset), amount },
  ]);
}
