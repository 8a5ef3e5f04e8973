/** The world as one player sees it: what is known, as signals for the panel and an index for the map, and what can be done. */
import {
  type AnyOutcome,
  type Client,
  compareBytes,
  hexDigits,
  type HexUpdate,
  uuidText,
} from "@hexhold/client";
import { fromBinary } from "@bufbuild/protobuf";
import { PlayerEnteredSchema, PlayerLeftSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import type { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { TakeEnd, TakeEndedSchema } from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { areNeighbours, type Key, keyText, sameKey } from "@hexhold/hex";
import { type ReferencePlayer, stockAt } from "@hexhold/reference-client";
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { balances } from "./bag.ts";
import { createHexIndex, type KnownHex, type WorldView } from "./hex-index.ts";
import { say } from "./notes.ts";
import { paced } from "./paced.ts";
import { createRing } from "./ring.ts";
import { followServices, forgetServices } from "./services.ts";
import { createWalker, type Walker } from "./walker.ts";
import { outcomeWords, walkWords, type Wish } from "./words/outcome-words.ts";
import { notTaken } from "./words/land-words.ts";
import { placeWords } from "./words/place-words.ts";
import { resourceNames, resourcesIn } from "./words/resource-words.ts";

export const gatherAmount = 10;
/** Between two questions whether the player is still in the world, where no view says so. */
const checkEveryMs = 1000;

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

/**
 * What the page can show of the world's game, as the first hex says that is seen. `readable`: it has no view of its
 * own, only documents. `none`: it has one that the page does not know.
 */
export type Sight = "unknown" | "reference" | "readable" | "none";

export interface World {
  readonly client: Client<WorldView>;
  /** For the commands of the reference game. */
  readonly figure: ReferencePlayer<WorldView>;
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

export const sight = signal<Sight>("unknown");
/** Whether the game has places inside a hex, where the figure can walk; taken for granted until its view is known. */
export const hasPlaces = computed(() => sight.value === "reference" || sight.value === "unknown");
/** Rises when a document has come: who shows documents reads it. */
export const documentsSeen = signal(0);

/** Whether the player can do something in its hex: it is there, and not on its way. */
export const mayAct = computed(() => isPresent.value && transit.value === undefined);
/** Whether hexes have owners, and can be built on: worlds of the reference game from format 2 on. */
export const hasLand = computed(() => (ownHex.value?.view?.biome ?? 0) !== 0);

export const ownPlayers = computed(() => ownHex.value?.view?.players ?? []);

/** Nothing is known any more. */
export function forgetWorld(): void {
  world.value?.close();
  world.value = undefined;
  ownHex.value = undefined;
  transit.value = undefined;
  isPresent.value = false;
  sight.value = "unknown";
  arrivalWords.value = "";
  forgetServices();
}

/** @param comeIn brings the player in again, when it is not certain where it is. */
export function openWorld(
  client: Client<WorldView>,
  player: ReferencePlayer<WorldView>,
  playerId: Uint8Array,
  comeIn: () => Promise<void>,
): World {
  const index = createHexIndex();
  const self = hexDigits(playerId);
  const ring = createRing<WorldView>({
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
        walker.place(placeIn(place.value.home));
      }),
  });
  const assets = computed(() => {
    const own = [...(balances.value?.keys() ?? [])];
    const land = sight.value === "reference" ? resourcesIn(ownHex.value?.view) : [];
    return [...new Set([...land.map((item) => resourceNames[item] ?? ""), ...own])];
  });
  /** Number of the own hex's view up to which all was told; what is between it and a state is in the state alone. */
  let toldSeq = 0;

  function seen(update: HexUpdate<WorldView>): void {
    if ("event" in update) tellTake(update);
    index.take(update);
    look(update);
    const { home } = place.value;
    if (!sameKey(update.key, home)) return;
    ownHex.value = index.get(keyText(home));
    if (wasSentOffline(update)) comeBack();
    if ("event" in update) toldSeq = update.event.viewSeq;
    if (update.kind === "state") {
      const isWhole = update.seen.viewSeq === toldSeq;
      toldSeq = update.seen.viewSeq;
      if (!isWhole && sight.value === "readable") checkPresence();
    }
    if (update.kind === "state" || update.kind === "unreadable") walker.begin(placeIn(home));
    if (update.kind !== "event" || update.event.type !== "evt.hex.player-entered") return;
    const { playerId: entered } = fromBinary(PlayerEnteredSchema, update.event.payload);
    if (hexDigits(entered) === self) walker.place(placeIn(home));
  }

  /** Says that the inventory did not have what the player has given: nothing else would. */
  function tellTake({ key, event }: Extract<HexUpdate<WorldView>, { event: object }>): void {
    if (event.type !== "evt.hex.take-ended") return;
    const { takeId, end } = fromBinary(TakeEndedSchema, event.payload);
    const pending = index.get(keyText(key)).view?.pending ?? [];
    const take = pending.find((item) => compareBytes(item.takeId, takeId) === 0);
    if (take === undefined || end !== TakeEnd.REFUSED) return;
    if (hexDigits(take.accountId) === self) say(notTaken(take.amount, take.asset));
  }

  /** What kind of game it is. */
  function look(update: HexUpdate<WorldView>): void {
    if (update.kind === "unreadable" && update.error.code === "VIEW_MISMATCH") sight.value = "none";
    if (update.kind !== "state") return;
    const isReadable = update.seen.view.$typeName === "hexhold.hex.v1.ReadableView";
    sight.value = isReadable ? "readable" : "reference";
    if (isReadable) documentsSeen.value++;
  }

  function comeBack(): void {
    isPresent.value = false;
    void comeIn();
  }

  /** A document does not say who is online: the hex is asked. */
  const checkPresence = paced(async () => {
    if (!mayBeAway()) return;
    const outcome = await player.locate();
    if (!mayBeAway() || outcome.outcome !== "applied") return;
    livesIn(player.key);
    if (!outcome.result.online) comeBack();
  }, checkEveryMs);

  function mayBeAway(): boolean {
    return world.value === opened && isPresent.value && transit.value === undefined;
  }

  /**
   * The page has not left, yet its player is not in its hex: its gateway was silent for so long that its session counted
   * as gone. A state that is older than `enter` looks the same; to enter once more then does nothing.
   */
  function wasSentOffline(update: HexUpdate<WorldView>): boolean {
    if (!isPresent.value || transit.value !== undefined) return false;
    if (update.kind === "state") return hasPlaces.value && positionIn(update.key) === undefined;
    if (!("event" in update) || update.event.type !== "evt.hex.player-left") return false;
    return hexDigits(fromBinary(PlayerLeftSchema, update.event.payload).playerId) === self;
  }

  function positionIn(key: Key): { x: number; y: number } | undefined {
    const players = index.get(keyText(key)).view?.players;
    return players?.find((item) => hexDigits(item.playerId) === self);
  }

  /** Where the figure stands: in the middle, where a game has no places that the page knows. */
  function placeIn(key: Key): { x: number; y: number } | undefined {
    return hasPlaces.value ? positionIn(key) : { x: 0, y: 0 };
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

  const stopServices = followServices(client, {
    place,
    assets,
    player,
    self: uuidText(playerId),
  });
  const opened: World = {
    client,
    figure: player,
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
      const thing = resourceNames[resource] ?? "";
      tell({ type: "cmd.hex.gather", doing: `Gathering ${thing}`, thing }, outcome);
    },
    walkTo,
    livesIn,
    close: stopServices,
  };
  return opened;
}

/** Says why a wish did not come true; nothing when it did. */
export function tell(wish: Wish, outcome: AnyOutcome): void {
  const words = outcomeWords(wish, outcome);
  if (words !== undefined) say(words, wish.doing);
}

/** The stock of the own hex as it has grown until now. */
export function ownStock(resource: Resource): number | undefined {
  const view = ownHex.value?.view;
  return view === undefined ? undefined : stockAt(view, resource, nowMs.value);
}

/** What the player has of it; undefined while that is not known. */
export function ownBalance(resource: Resource): bigint | undefined {
  if (balances.value === undefined) return undefined;
  return balances.value.get(resourceNames[resource] ?? "")?.available ?? 0n;
}
