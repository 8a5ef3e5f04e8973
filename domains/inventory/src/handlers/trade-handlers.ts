/** Trade between players, and its deadlines. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type CommandOutcome,
  createDueStore,
  type DomainCommand,
  type DueHandler,
  onCommand,
  type Transaction,
} from "@hexhold/domain";
import {
  AcceptTradeSchema,
  EndTradeSchema,
  type OfferTrade,
  OfferTradeSchema,
  type TradeLine,
  TradeOfferedSchema,
  TradeTermsSchema,
} from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { sha256, uuidv7Bytes, uuidv7Ms } from "@hexhold/messaging";
import { isKnownAccount } from "../ledger/accounts.ts";
import type { LedgerWork } from "../ledger/ledger-work.ts";
import { openOffersOf } from "../ledger/offer-pages.ts";
import { holdOf, playerOf } from "../rules/ledger-account.ts";
import type { Offer, OfferLine } from "../rules/ledger-rows.ts";
import { decideAccept, decideEnd, decideOffer, endOffer } from "../rules/trades.ts";
import { type InventoryContext, serviceName } from "./inventory-context.ts";
import { named, type NamedHandler } from "./named-handler.ts";

const expiresDefaultS = 600;
const hourMs = 3_600_000;
const expiry = "offer-expiry";
const timers = createDueStore(serviceName);

export function tradeHandlers({ worldNow, rules }: InventoryContext): readonly NamedHandler[] {
  /** Why an account may not offer now, whatever it offers. */
  async function barred(
    transaction: Transaction,
    { message, envelope }: DomainCommand<OfferTrade>,
    nowMs: number,
  ): Promise<string | undefined> {
    const from = envelope.accountId;
    if (message.give.length === 0) return "nothing-offered";
    if (Buffer.compare(message.to, from) === 0) return "yourself";
    if (!(await isKnownAccount(transaction, message.to))) return "unknown-player";
    if (nowMs - uuidv7Ms(from) < rules.tradeMinAgeHours * hourMs) return "too-new";
    if ((await openOffersOf(transaction, from)) >= rules.offersMax) return "too-many-offers";
    return undefined;
  }

  return [
    named(
      OfferTradeSchema,
      ({ message: { give }, envelope: { accountId } }) => {
        const assets = give.filter(isAmount).map(({ asset }) => asset);
        return {
          accounts: assets.map((asset) => playerOf(accountId, asset)),
          openedFrom: assets.map((asset) => ({
            account: holdOf(accountId, asset),
            from: playerOf(accountId, asset),
          })),
          items: give.filter((line) => !isAmount(line)).map(({ itemId }) => itemId),
        };
      },
      (schema) =>
        onCommand(schema, async (transaction, command, work: LedgerWork) => {
          const nowMs = Math.floor(worldNow());
          const reason = await barred(transaction, command, nowMs);
          if (reason !== undefined) return { kind: "refused", reason };
          const offer = offerOf(command, nowMs);
          const lack = decideOffer(work.rows, offer, serviceName);
          if (lack !== undefined) return { kind: "refused", reason: lack };
          const { offerId, termsHash, expiresMs } = offer;
          await timers.arm(transaction, expiry, [{ id: offerId, dueMs: Number(expiresMs) }]);
          return {
            kind: "applied",
            result: create(TradeOfferedSchema, { offerId, termsHash, expiresMs }),
          };
        }),
    ),
    named(
      AcceptTradeSchema,
      ({ message: { offerId } }) => ({ offers: [offerId] }),
      (schema) =>
        onCommand(schema, async (transaction, { message, envelope }, work: LedgerWork) => {
          const nowMs = BigInt(Math.floor(worldNow()));
          const reason = decideAccept(work.rows, {
            ...message,
            by: envelope.accountId,
            transactionId: uuidv7Bytes(Number(nowMs)),
            nowMs,
          });
          return ended(transaction, message.offerId, reason);
        }),
    ),
    named(
      EndTradeSchema,
      ({ message: { offerId } }) => ({ offers: [offerId] }),
      (schema) =>
        onCommand(schema, async (transaction, { message, envelope }, work: LedgerWork) => {
          const nowMs = BigInt(Math.floor(worldNow()));
          const reason = decideEnd(work.rows, {
            ...message,
            by: envelope.accountId,
            transactionId: uuidv7Bytes(Number(nowMs)),
            nowMs,
          });
          return ended(transaction, message.offerId, reason);
        }),
    ),
  ];
}

/** Ends offers at their deadline. */
export function offerExpiry({ worldNow }: InventoryContext): DueHandler<LedgerWork> {
  return {
    kind: expiry,
    async handle(transaction, due, work) {
      await work.lock(transaction, [{ offers: due.map(({ id }) => id) }]);
      const nowMs = BigInt(Math.floor(worldNow()));
      for (const { id } of due) {
        const offer = work.rows.offer(id);
        if (offer?.state !== "open") continue;
        const transactionId = uuidv7Bytes(Number(nowMs));
        endOffer(work.rows, offer, "expired", { transactionId, nowMs });
      }
    },
  };
}

async function ended(
  transaction: Transaction,
  offerId: Uint8Array,
  reason: string | undefined,
): Promise<CommandOutcome> {
  if (reason !== undefined) return { kind: "refused", reason };
  await timers.disarm(transaction, expiry, [offerId]);
  return { kind: "applied" };
}

function offerOf({ message, envelope }: DomainCommand<OfferTrade>, nowMs: number): Offer {
  const offerId = uuidv7Bytes(nowMs);
  const from = envelope.accountId;
  const { to, give, want, expiresS } = message;
  const terms = toBinary(
    TradeTermsSchema,
    create(TradeTermsSchema, { offerId, from, to, give, want }),
  );
  return {
    offerId,
    from,
    to,
    give: give.map((line) => lineOf(line, uuidv7Bytes(nowMs))),
    want: want.map((line) => lineOf(line, undefined)),
    terms,
    termsHash: sha256(terms),
    state: "open",
    madeMs: BigInt(nowMs),
    expiresMs: BigInt(nowMs + (expiresS || expiresDefaultS) * 1000),
  };
}

function isAmount({ itemId }: TradeLine): boolean {
  return itemId.length === 0;
}

function lineOf(line: TradeLine, holdId: Uint8Array | undefined): OfferLine {
  const { asset, amount, itemId } = line;
  return isAmount(line) ? { kind: "amount", asset, amount, holdId } : { kind: "item", itemId };
}
