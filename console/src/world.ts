/** The world as one player sees it: what is known, as signals for the panel and an index for the map, and what can be done. */
import {
  type AnyOutcome,
  type Client,
  hexDigits,
  type HexUpdate,
  type ReferencePlayer,
  stockAt,
  uuidText,
} from "@hexhold/client";
import { fromBinary } from "@bufbuild/protobuf";
import type { HexView } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { PlayerEnteredSchema, PlayerLeftSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import type { Resource } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { areNeighbours, type Key, keyText, sameKey } from "@hexhold/hex";
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { type BalanceReader, balances, readBalances } from "./balances.ts";
import { createHexIndex, type KnownHex } from "./hex-index.ts";
import { say } from "./notes.ts";
import { createRing } from "./ring.ts";
import { createWalker, type Walker } from "./walker.ts";
import { outcomeWords, walkWords, type Wish } from "./words/outcome-words.ts";
import { placeWords } from "./words/place-words.ts";
import { resourceNames } from "./words/resource-words.ts";

export const gatherAmount = 10;

/** On the way to another hex. */
export interface Transit {
  readonly to: Key;
  /** Monotonic. */
  readonly sinceMs: number;
}

/** Where the player lives, and the hexes in sight from there, its own first. */
export interface Place {
  readonly home: Key;
  readonly ring: readonly Key[];
  /** Where it came from by the last walk. */
  readonly from: Key | undefined;
}

export interface World {
  readonly client: Client;
  /** 16 bytes. */
  readonly playerId: Uint8Array;
  /** Hex digits of the player's id. */
  readonly self: string;
  readonly accountText: string;
  readonly place: ReadonlySignal<Place>;
  readonly walker: Walker;
  hex(hexId: bigint): KnownHex;
  /** Takes from the stock of the own hex; nothing while the player is on its way, or not in the world. */
  gather(resource: Resource): Promise<void>;
  /** Walks to a neighbouring hex; says why it cannot. Nothing as above. Never rejects. */
  walkTo(hexId: bigint): Promise<void>;
  /** Says that the server, or another session, has taken the player elsewhere; nothing when it lives here. */
  livesIn(key: Key): void;
  close(): void;
}

export const world = signal<World | undefined>(undefined);
export const ownHex = signal<KnownHex | undefined>(undefined);
export const transit = signal<Transit | undefined>(undefined);
/** Whether the player is in its hex: `enter` was answered. */
export const isPresent = signal(false);
/** Server time, four times a second: what grows is computed from it. */
export const nowMs = signal(Date.now());
/** Where the player has just come to, for who does not see the map. */
export const arrivalWords = signal("");

export const ownPlayers = computed(() => ownHex.value?.view?.players ?? []);

/** Nothing is known any more. */
export function forgetWorld(): void {
  world.value?.close();
  world.value = undefined;
  ownHex.value = undefined;
  transit.value = undefined;
  isPresent.value = false;
  arrivalWords.value = "";
  balances.value = new Map();
}

/** @param comeIn brings the player in again, when it is not certain where it is. */
export function openWorld(
  client: Client,
  player: ReferencePlayer,
  playerId: Uint8Array,
  comeIn: () => Promise<void>,
): World {
  const index = createHexIndex();
  const self = hexDigits(playerId);
  const ring = createRing<HexView>({
    subscribe: (keys, listener) => client.subscribe(keys, listener),
    listener: seen,
    onClosed: (key) => index.forget(keyText(key)),
  });
  ring.moveTo(player.key);
  const place = signal<Place>({ home: player.key, ring: ring.keys, from: undefined });
  const walker = createWalker({
    send: (x, y) =>
      player.move(x, y, (outcome) => {
        // On its way to another hex it may have taken a step more.
        if (outcome.outcome !== "refused" || transit.value !== undefined) return;
        tell({ type: "cmd.hex.move", doing: "Walking" }, outcome);
        walker.place(positionIn(place.value.home));
      }),
  });
  const reader: BalanceReader = readBalances(client);

  function seen(update: HexUpdate<HexView>): void {
    index.take(update);
    const { home } = place.value;
    if (!sameKey(update.key, home)) return;
    ownHex.value = index.get(keyText(home));
    if (wasSentOffline(update)) {
      isPresent.value = false;
      void comeIn();
    }
    if (update.kind === "state") walker.begin(positionIn(home));
    if (update.kind !== "event" || update.event.type !== "evt.hex.player-entered") return;
    const { playerId: entered } = fromBinary(PlayerEnteredSchema, update.event.payload);
    if (hexDigits(entered) === self) walker.place(positionIn(home));
  }

  /**
   * The page has not left, yet its player is not in its hex: its gateway was silent for so long that its session counted
   * as gone. A state that is older than `enter` looks the same; to enter once more then does nothing.
   */
  function wasSentOffline(update: HexUpdate<HexView>): boolean {
    if (!isPresent.value || transit.value !== undefined) return false;
    if (update.kind === "state") return positionIn(update.key) === undefined;
    if (update.kind !== "event" || update.event.type !== "evt.hex.player-left") return false;
    return hexDigits(fromBinary(PlayerLeftSchema, update.event.payload).playerId) === self;
  }

  function positionIn(key: Key): { x: number; y: number } | undefined {
    const players = index.get(keyText(key)).view?.players;
    return players?.find((item) => hexDigits(item.playerId) === self);
  }

  function livesIn(key: Key): void {
    const { home } = place.value;
    if (sameKey(key, home)) return;
    ring.moveTo(key);
    walker.place(positionIn(key) ?? { x: 0, y: 0 });
    place.value = { home: key, ring: ring.keys, from: home };
    ownHex.value = index.get(keyText(key));
  }

  async function walkTo(hexId: bigint): Promise<void> {
    const { home } = place.value;
    if (transit.value !== undefined || !isPresent.value || hexId === home.hexId) return;
    if (!areNeighbours(home.hexId, hexId)) {
      say("You can only walk to a hex next to yours.");
      return;
    }
    const to = { ...home, hexId };
    transit.value = { to, sinceMs: performance.now() };
    walker.stop();
    const outcome = await player.transfer(to);
    if (world.value !== opened) return;
    transit.value = undefined;
    livesIn(player.key);
    const words = walkWords(outcome);
    if (words !== undefined) say(words);
    else arrivalWords.value = `You are at ${placeWords(player.key.hexId)} now.`;
    const isCertain =
      outcome.outcome === "refused"
        ? !["offline", "not-resident", "in-transit"].includes(outcome.reason)
        : outcome.outcome === "applied" && outcome.end !== "unknown";
    if (!isCertain) await comeIn();
  }

  const opened: World = {
    client,
    playerId,
    self,
    accountText: uuidText(playerId),
    place,
    walker,
    hex: (hexId) => index.get(keyText({ ...place.value.home, hexId })),
    async gather(resource) {
      // Sent in transit, it would be done in the next hex.
      if (transit.value !== undefined || !isPresent.value) return;
      const outcome = await player.gather(resource, gatherAmount);
      if (outcome.outcome === "applied") reader.soon();
      const thing = resourceNames[resource] ?? "";
      tell({ type: "cmd.hex.gather", doing: `Gathering ${thing}`, thing }, outcome);
    },
    walkTo,
    livesIn,
    close: () => reader.stop(),
  };
  return opened;
}

/** Says why a wish did not come true; nothing when it did. */
export function tell(wish: Wish, outcome: AnyOutcome): void {
  const words = outcomeWords(wish, outcome);
  if (words !== undefined) say(words);
}

/** The stock of the own hex as it has grown until now. */
export function ownStock(resource: Resource): number | undefined {
  const view = ownHex.value?.view;
  return view === undefined ? undefined : stockAt(view, resource, nowMs.value);
}

/** What the player has of it; undefined while that is not known. */
export function ownBalance(resource: Resource): bigint | undefined {
  if (balances.value.size === 0) return undefined;
  return balances.value.get(resourceNames[resource] ?? "") ?? 0n;
}
