/** Escrow of the market: asked for, paid out of, given back. Pure; the protocol is docs/models/Market.tla. */
import { uuidText, uuidv7Ms } from "@hexhold/messaging";
import { burnOf, coin, holdOf, isAssetName, playerOf } from "./ledger-account.ts";
import type { Hold, LedgerRows } from "./ledger-rows.ts";

/** What the receiver of an asked step says of it, as its record has it. */
export type StepAnswer =
  | { readonly kind: "yes" }
  | { readonly kind: "no"; readonly reason: string }
  /** Its record may be gone: nobody can tell. Nothing is answered, and somebody is told. */
  | { readonly kind: "forgotten" };

export interface HoldStep {
  readonly holdId: Uint8Array;
  /** Who asks. */
  readonly service: string;
  readonly account: Uint8Array;
  readonly asset: string;
  readonly amount: bigint;
  /** Coin, burned by the transaction that grants the hold. */
  readonly fee: bigint;
  readonly atMs: bigint;
}

/** Records of ended steps are kept so long. */
const recordKeepMs = 30 * 24 * 3_600_000;

/**
 * Whether a step that has no record may have had one. Its id says when it was minted; the hour is for clocks that do
 * not agree.
 */
export function isForgotten(stepId: Uint8Array, nowMs: number): boolean {
  return uuidv7Ms(stepId) < nowMs - recordKeepMs + 3_600_000;
}

export function decideHold(rows: LedgerRows, step: HoldStep, nowMs: number): StepAnswer {
  const known = rows.hold(step.holdId);
  if (known !== undefined) return answerOf(known);
  if (isForgotten(step.holdId, nowMs)) return { kind: "forgotten" };
  const { account, asset, amount, fee } = step;
  const available = (of: string): bigint =>
    isAssetName(of) ? rows.balanceOf(playerOf(account, of)) : 0n;
  if (asset === coin) {
    if (available(coin) < amount + fee) return refuseHold(rows, step, "insufficient-coin");
  } else {
    if (available(asset) < amount) return refuseHold(rows, step, "insufficient-goods");
    if (available(coin) < fee) return refuseHold(rows, step, "insufficient-coin");
  }
  rows.post({ transactionId: step.holdId, kind: "hold", atMs: step.atMs }, [
    { account: playerOf(account, asset), amount: -amount },
    { account: holdOf(account, asset), amount },
    { account: playerOf(account, coin), amount: -fee },
    { account: burnOf(coin), amount: fee },
  ]);
  rows.addHold({ ...step, remaining: amount, state: "held", reason: "" });
  return { kind: "yes" };
}

/** What a step is answered that was given up: the record's answer, or "no" for good. */
export function giveUpHold(rows: LedgerRows, step: HoldStep): StepAnswer {
  const known = rows.hold(step.holdId);
  return known === undefined ? refuseHold(rows, step, "gave-up") : answerOf(known);
}

/** Of a step that has no record: "no" for good, which its late copy finds. */
function refuseHold(rows: LedgerRows, step: HoldStep, reason: string): StepAnswer {
  rows.addHold({ ...step, fee: 0n, remaining: 0n, state: "refused", reason });
  return { kind: "no", reason };
}

/** The record's answer; without a record a refusal is recorded. Never undoes a "yes". */
export function decideCancelHold(
  rows: LedgerRows,
  step: Pick<HoldStep, "holdId" | "service" | "account" | "atMs">,
  nowMs: number,
): StepAnswer {
  const known = rows.hold(step.holdId);
  if (known !== undefined) return answerOf(known);
  if (isForgotten(step.holdId, nowMs)) return { kind: "forgotten" };
  // What was to be held nobody here has heard of: the record is of the refusal alone.
  return refuseHold(rows, { ...step, asset: "", amount: 0n, fee: 0n }, "cancelled");
}

function answerOf({ state, reason }: Hold): StepAnswer {
  return state === "refused" ? { kind: "no", reason } : { kind: "yes" };
}

export interface Settlement {
  readonly tradeId: Uint8Array;
  /** Of coin. */
  readonly buyHold: Uint8Array;
  /** Of goods. */
  readonly sellHold: Uint8Array;
  readonly quantity: bigint;
  /** Coin for one. */
  readonly price: bigint;
  /** Coin that leaves the buyer's hold; what is above the price comes back free. */
  readonly buyTake: bigint;
  /** Burned out of what the seller is paid. */
  readonly tax: bigint;
  readonly atMs: bigint;
}

/**
 * Pays for a trade, once. Accounts and assets are those of the holds, whatever the message says. Throws on what does not
 * fit: it is owed, so it is a fault of ours and no refusal.
 */
export function decideSettle(rows: LedgerRows, settlement: Settlement, service: string): void {
  const { tradeId, buyHold, sellHold, quantity, price, buyTake, tax, atMs } = settlement;
  if (rows.isPosted(tradeId)) return;
  const buy = heldBy(rows, buyHold, service);
  const sell = heldBy(rows, sellHold, service);
  const fault = (what: string): RangeError =>
    new RangeError(`settlement ${uuidText(tradeId)} is none: ${what}`);
  if (buy.asset !== coin || sell.asset === coin) {
    throw fault(`${buy.asset} is held for ${sell.asset}`);
  }
  const paid = price * quantity;
  if (tax > paid || paid > buyTake) {
    throw fault(`a tax of ${tax}, ${paid} to pay and ${buyTake} taken`);
  }
  rows.drawHold(buyHold, buyTake);
  rows.drawHold(sellHold, quantity);
  rows.post({ transactionId: tradeId, kind: "trade", atMs }, [
    { account: holdOf(buy.account, coin), amount: -buyTake },
    { account: playerOf(sell.account, coin), amount: paid - tax },
    { account: burnOf(coin), amount: tax },
    { account: playerOf(buy.account, coin), amount: buyTake - paid },
    { account: holdOf(sell.account, sell.asset), amount: -quantity },
    { account: playerOf(buy.account, sell.asset), amount: quantity },
  ]);
}

export interface Release {
  readonly releaseId: Uint8Array;
  readonly holdId: Uint8Array;
  readonly amount: bigint;
  readonly atMs: bigint;
}

/** Gives back this amount of a hold, once. Throws on what does not fit. */
export function decideRelease(rows: LedgerRows, release: Release, service: string): void {
  const { releaseId, holdId, amount, atMs } = release;
  if (rows.isPosted(releaseId)) return;
  const { account, asset } = heldBy(rows, holdId, service);
  rows.drawHold(holdId, amount);
  rows.post({ transactionId: releaseId, kind: "release", atMs }, [
    { account: holdOf(account, asset), amount: -amount },
    { account: playerOf(account, asset), amount },
  ]);
}

function heldBy(rows: LedgerRows, holdId: Uint8Array, service: string): Hold {
  const hold = rows.hold(holdId);
  if (hold === undefined) throw new RangeError(`hold ${uuidText(holdId)} is not there`);
  if (hold.service !== service) {
    throw new RangeError(`hold ${uuidText(holdId)} is of ${hold.service}, not of ${service}`);
  }
  return hold;
}
