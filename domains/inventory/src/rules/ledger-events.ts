/** The events of a game that the ledger keeps account of, and the transaction that each stands for. Pure. */
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Game } from "@hexhold/actor";
import { createMessageRegistry } from "@hexhold/messaging";
import { checkItems, checkPostings } from "./check-postings.ts";
import type { LedgerTransaction } from "./ledger-transaction.ts";

/** Kinds of the inventory's own transactions: no event may be called so. */
const ownKinds: ReadonlySet<string> = new Set([
  "hold",
  "trade",
  "release",
  "take",
  "give",
  "offer",
  "trade-offer",
  "offer-ended",
  "operator",
]);

/** A type of event whose contract names `inventory` as a consumer. */
export interface LedgerEvent {
  /** `evt.<service>.<past>`. */
  readonly type: string;
  readonly schema: GenMessage<Message>;
  /** Of its transactions: the last word of the type. */
  readonly kind: string;
  /**
   * By the game's rules; undefined: there is nothing to post and no item to make. Throws what the game throws, and a RangeError on postings
   * that the ledger does not take.
   * @param eventId 16 bytes: the id of the transaction.
   */
  readonly transactionOf: (eventId: Uint8Array, event: Message) => LedgerTransaction | undefined;
}

/** Throws a TypeError when the game has such events and does not say what they stand for, or calls one as the ledger calls what is its own. */
export function ledgerEventsOf(game: Game): readonly LedgerEvent[] {
  const entries = createMessageRegistry(game.descriptors).entries.filter(
    ({ kind, consumers }) => kind === "event" && consumers.includes("inventory"),
  );
  return entries.map(({ type, schema }): LedgerEvent => {
    const { ledger } = game;
    if (ledger === undefined) {
      throw new TypeError(
        `the game ${game.name} sends ${type} to the inventory, and has no ledger that says what it stands for`,
      );
    }
    const kind = type.slice(type.lastIndexOf(".") + 1);
    if (ownKinds.has(kind)) {
      throw new TypeError(
        `the game ${game.name} sends ${type} to the inventory, which calls transactions of its own ${kind}: name the event otherwise`,
      );
    }
    return {
      type,
      schema: schema as GenMessage<Message>,
      kind,
      transactionOf(eventId, event) {
        const entry = ledger(event);
        if (entry === undefined) return undefined;
        const { atMs, postings, items = [] } = entry;
        if (postings.length + items.length === 0) return undefined;
        checkPostings(`the ledger entry of ${type}`, postings);
        checkItems(`the ledger entry of ${type}`, items);
        return { transactionId: eventId, kind, atMs, postings, items };
      },
    };
  });
}
