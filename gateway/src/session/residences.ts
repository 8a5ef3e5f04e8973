/** Where the players of this gateway live, kept beyond their connections. */
import { fromBinary } from "@bufbuild/protobuf";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { PlayerArrivedSchema, PlayerReturnedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import type { Key } from "@hexhold/hex";
import { type AnswerHead, decodeAnswer, type MessageEntry, uuidText } from "@hexhold/messaging";
import { LRUCache } from "lru-cache";
import { Residence } from "./residence.ts";
import type { TokenClaims } from "./token-check.ts";

/** Players that are remembered; the one that was heard of least recently is forgotten. */
const playersMax = 50_000;
const transferType = "cmd.hex.transfer";

/** A command of a player, and where it went. */
export interface AnsweredCommand {
  readonly account: string;
  readonly entry: Pick<MessageEntry, "type" | "refusals">;
  readonly key: Key;
  readonly payload: Uint8Array;
  /** World time, Unix milliseconds. */
  readonly acceptedMs: number;
}

export class Residences {
  readonly #players = new LRUCache<string, Residence>({ max: playersMax });
  readonly #onMoved: (account: string) => void;

  /** @param onMoved what the player of an account sees has changed. */
  constructor(onMoved: (account: string) => void) {
    this.#onMoved = onMoved;
  }

  /** Of the account of a token, which may say something newer. */
  of({ accountText, residence, issuedMs }: TokenClaims): Residence {
    const known = this.#players.get(accountText) ?? new Residence();
    this.#players.set(accountText, known);
    if (known.fromToken(residence, issuedMs)) this.#onMoved(accountText);
    return known;
  }

  /** An answer passes to its client. */
  answered(command: AnsweredCommand, { outcome, replayed }: AnswerHead, bytes: Uint8Array): void {
    const { account, entry, key, acceptedMs } = command;
    // What was stored earlier says where the player lived then.
    if (replayed || !entry.refusals.has("not-resident")) return;
    const residence = this.#players.get(account);
    if (residence === undefined) return;
    const transfer = entry.type === transferType ? command.payload : undefined;
    const said = { key, acceptedMs, transfer };
    let moved = false;
    if (outcome === "applied") {
      moved = residence.fromAnswer({ ...said, outcome: { case: "applied" } });
    } else if (outcome === "refused") {
      const refusal = decodeAnswer(bytes).outcome;
      if (refusal.case !== "refused") return;
      const { reason, detail } = refusal.value;
      moved = residence.fromAnswer({ ...said, outcome: { case: "refused", reason, detail } });
    }
    if (moved) this.#onMoved(account);
  }

  /** An event of a hex is seen here. */
  seen(key: Key, { type, payload }: Pick<Envelope, "type" | "payload">, nowMs: number): void {
    const schema =
      type === "evt.hex.player-arrived"
        ? PlayerArrivedSchema
        : type === "evt.hex.player-returned"
          ? PlayerReturnedSchema
          : undefined;
    if (schema === undefined) return;
    const { playerId, number } = fromBinary(schema, payload);
    const account = uuidText(playerId);
    if (this.#players.get(account)?.fromEvent(key, number, nowMs) === true) this.#onMoved(account);
  }
}
