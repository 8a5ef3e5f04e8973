/** The inventory's answers: escrow is there, or it is refused. */
import { type MessageHandler, onCommand } from "@hexhold/domain";
import { EndHoldSchema, HoldEnd } from "@hexhold/gen/hexhold/market/v1/steps_pb";
import { uuidText } from "@hexhold/messaging";
import type { MarketWork } from "../work/market-work.ts";
import { refused } from "./refused.ts";

/** An answer that was heard before finds no order that waits for it, and changes nothing. */
export const endHold: MessageHandler<MarketWork> = onCommand(
  EndHoldSchema,
  (_transaction, { message, envelope }, work: MarketWork) => {
    const { book, holdId, end, reason } = message;
    if (work.book(book) === undefined) return Promise.resolve(refused("not-under-way"));
    const id = uuidText(holdId);
    const outcome = work.decide(
      book,
      end === HoldEnd.HELD
        ? { kind: "grant", id, nowMs: work.nowMs }
        : { kind: "reject", id, reason },
      envelope,
    );
    return Promise.resolve(
      outcome.kind === "refused" ? refused("not-under-way") : { kind: "applied" },
    );
  },
);
