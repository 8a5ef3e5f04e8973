/**
 * Goods that a hex takes from players: the hex's half of docs/models, Take. A take is under way from the commit that
 * asks for it to the inventory's answer, and no other thing ends it: at its deadline the hex asks what became of it.
 * Whoever keeps room for takes under way never finds more than fits. What has been taken and is not wanted any more is
 * owed back in the commit that hears of it. A game composes the kit with rules and state of its own; docs/games.md.
 */
import { create, type Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  CancelTakeSchema,
  file_hexhold_inventory_v1_takes,
  type Give,
  GiveSchema,
  TakeSchema,
} from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import { contracts } from "@hexhold/gen/hexhold/takes/v1/contracts";
import {
  type EndTake,
  type Gift,
  GiftSchema,
  type GoodsReturned,
  GoodsReturnedSchema,
  type PendingTake,
  PendingTakeSchema,
  type TakeAsked,
  TakeAskedSchema,
  TakeEnd,
  type TakeEnded,
  TakeEndedSchema,
  type TakeQueried,
  TakeQueriedSchema,
} from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import type { Applied } from "../contracts.ts";
import { applied, event, refused } from "../decision.ts";
import type {
  DecideContext,
  DecidedEvent,
  HexParts,
  OutgoingCommand,
  TimerRules,
} from "../game.ts";
import { mintId, uuidText } from "../minted-ids.ts";
import { findById, idText, withItem, withoutId } from "../sorted-ids.ts";

/** Longest time between two questions to an inventory that does not answer. */
const queryMsMax = 300_000;
const noSite = new Uint8Array(0);

/** What the kit keeps: the field of `hexhold.takes.v1.Takes`, as that message or among the fields of another one. */
export interface TakesState {
  readonly pending: PendingTake[];
}

/** Goods that are asked for. */
export interface Wanted {
  /** 16 bytes. */
  readonly accountId: Uint8Array;
  /** Kebab-case. */
  readonly asset: string;
  /** At least 1. */
  readonly amount: bigint;
  /** 16 bytes: what the goods are for, and may be given back from; undefined: nothing gives them back. */
  readonly siteId?: Uint8Array | undefined;
}

/** What the kit asks of a game with state `D` and events `E`. */
export interface TakesOptions<D extends Message, V extends Message, E extends Message> {
  /** The kit's part of the state. */
  of(durable: D): TakesState;
  /** The state with `takes` as the kit's part. */
  with(durable: D, takes: TakesState): D;
  /**
   * What the hex makes of goods that have been taken; undefined: it wants them no more, and owes them back. `state` is
   * that after the take's end, `offset` the number of the commit's events before those that are returned.
   */
  count(
    state: HexParts<D, V>,
    take: PendingTake,
    context: DecideContext,
    offset: number,
  ): readonly DecidedEvent<E>[] | undefined;
  /**
   * Time after which the inventory is asked what became of a take, doubled each time up to 5 min; default 5,000 ms,
   * many times what an answer takes in health.
   */
  readonly takeQueryMs?: number;
}

const idOf = (take: PendingTake): Uint8Array => take.takeId;
const timerOf = (takeId: Uint8Array): string => `take:${idText(takeId)}`;

/** Makes the kit. Its parts go into `defineGame`, and `sends` among what the game only sends. */
export function takesKit<D extends Message, V extends Message, E extends Message>(
  options: TakesOptions<D, V, E>,
) {
  const { takeQueryMs = 5000 } = options;

  const withTakes = <P extends HexParts<D, Message>>(
    state: P,
    change: (pending: PendingTake[]) => PendingTake[],
  ): P => {
    const takes = options.of(state.durable);
    const changed = { ...takes, pending: change(takes.pending) };
    return { ...state, durable: options.with(state.durable, changed) };
  };

  const events = {
    "evt.hex.take-asked": <P extends HexParts<D, Message>>(state: P, asked: TakeAsked): P => {
      const { takeId, accountId, asset, amount, siteId, atMs, dueMs, armedVersion } = asked;
      const take = create(PendingTakeSchema, {
        takeId,
        accountId,
        asset,
        amount,
        siteId,
        askedMs: atMs,
        dueMs,
        armedVersion,
      });
      return withTakes(state, (pending) => withItem(pending, take, idOf));
    },
    "evt.hex.take-queried": <P extends HexParts<D, Message>>(state: P, queried: TakeQueried): P =>
      withTakes(state, (pending) => {
        const take = pending[findById(pending, queried.takeId, idOf)];
        if (take === undefined) return pending;
        const { dueMs, armedVersion } = queried;
        return withItem(pending, { ...take, dueMs, armedVersion, queried: take.queried + 1 }, idOf);
      }),
    "evt.hex.goods-returned": <P extends HexParts<D, Message>>(state: P): P => state,
    "evt.hex.take-ended": <P extends HexParts<D, Message>>(state: P, { takeId }: TakeEnded): P =>
      withTakes(state, (pending) => withoutId(pending, takeId, idOf)),
  };

  const endTake = (
    state: HexParts<D, V>,
    { takeId, end, reason }: EndTake,
    context: DecideContext,
  ) => {
    const { pending } = options.of(state.durable);
    const take = pending[findById(pending, takeId, idOf)];
    if (take === undefined) return refused("not-under-way");
    const atMs = BigInt(context.nowMs);
    const ended = event(TakeEndedSchema, { takeId, end, reason, atMs });
    if (end !== TakeEnd.TAKEN) return appliedWith<E>([ended]);
    const after = events["evt.hex.take-ended"](state, ended.message);
    const counted = options.count(after, take, context, 1);
    if (counted !== undefined) return appliedWith<E>([ended, ...counted]);
    const giveId = mintId(context);
    const { siteId, accountId, asset, amount } = take;
    const back = event(TakeEndedSchema, { takeId, end, reason, giveId, atMs });
    return appliedWith<E>([back], [gift(context, { giveId, siteId, accountId, asset, amount })]);
  };

  const timers: TimerRules<D> = {
    armed: (durable) =>
      options.of(durable).pending.map(({ takeId, dueMs, armedVersion }) => ({
        timer: timerOf(takeId),
        dueMs: Number(dueMs),
        armedVersion: Number(armedVersion),
      })),
    fire(durable, { timer }, context) {
      const take = options.of(durable).pending.find(({ takeId }) => timerOf(takeId) === timer);
      if (take === undefined) return refused("not-armed");
      const { takeId, accountId, queried } = take;
      const waitMs = Math.min(takeQueryMs * 2 ** (queried + 1), queryMsMax);
      const asked = event(TakeQueriedSchema, {
        takeId,
        atMs: BigInt(context.nowMs),
        ...armed(context, waitMs),
      });
      const cancel = toInventory(accountId, CancelTakeSchema, {
        takeId,
        accountId,
        hex: context.key,
        atMs: BigInt(context.nowMs),
      });
      return applied([asked], undefined, [cancel]);
    },
  };

  return {
    contracts,
    /** The file of what goes to the inventory. */
    sends: [file_hexhold_inventory_v1_takes],
    commands: { "cmd.hex.end-take": endTake },
    events,
    timers,
    /**
     * Owes back what was counted for a site, in exact sums: the event, and the messages to send with it. At most what was
     * taken of each account for the site, or the inventory gives nothing.
     */
    giveBack,
    /** Asks the inventory: the event, first of its commit, and the message to send with it. */
    ask(
      { accountId, asset, amount, siteId = noSite }: Wanted,
      context: DecideContext,
    ): { readonly event: DecidedEvent<TakeAsked>; readonly message: OutgoingCommand } {
      const takeId = mintId(context);
      const atMs = BigInt(context.nowMs);
      const take = { takeId, accountId, asset, amount, siteId, atMs };
      return {
        event: event(TakeAskedSchema, { ...take, ...armed(context, takeQueryMs) }),
        message: toInventory(accountId, TakeSchema, { ...take, hex: context.key }),
      };
    },
  };
}

/** Owes goods back: the event, and the messages to send with it. Each account and asset is named once. */
function giveBack(
  siteId: Uint8Array,
  goods: readonly Pick<Gift, "accountId" | "asset" | "amount">[],
  context: DecideContext,
): { readonly event: DecidedEvent<GoodsReturned>; readonly messages: readonly OutgoingCommand[] } {
  const gifts = goods.map((item, nth) =>
    create(GiftSchema, { ...item, giveId: mintId(context, nth) }),
  );
  return {
    event: event(GoodsReturnedSchema, { siteId, gifts, atMs: BigInt(context.nowMs) }),
    messages: gifts.map(({ giveId, accountId, asset, amount }) =>
      gift(context, { giveId, siteId, accountId, asset, amount }),
    ),
  };
}

function gift(
  { nowMs }: DecideContext,
  goods: Pick<Give, "giveId" | "siteId" | "accountId" | "asset" | "amount">,
): OutgoingCommand {
  return toInventory(goods.accountId, GiveSchema, { ...goods, atMs: BigInt(nowMs) });
}

function toInventory<T extends Message>(
  accountId: Uint8Array,
  schema: GenMessage<T>,
  init: Parameters<typeof create<GenMessage<T>>>[1],
): OutgoingCommand {
  const to = { service: "inventory", subject: uuidText(accountId) };
  return { to, schema, message: create(schema, init) };
}

function armed(context: DecideContext, afterMs: number): { dueMs: bigint; armedVersion: bigint } {
  return {
    dueMs: BigInt(context.nowMs + afterMs),
    armedVersion: BigInt(context.hexVersion + 1),
  };
}

/** Yes: the kit's own event, then those of the game. */
function appliedWith<E extends Message>(
  events: readonly [DecidedEvent<TakeEnded>, ...DecidedEvent<E>[]],
  messages: readonly OutgoingCommand[] = [],
): Applied<TakeEnded | E, undefined> {
  return applied<DecidedEvent<TakeEnded | E>[], undefined>([...events], undefined, messages);
}
