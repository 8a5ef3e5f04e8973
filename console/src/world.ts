/** The page's one session: what is known, as signals for the panel and as an index for the map, and what can be done. */
import {
  type AnyOutcome,
  type Client,
  createClient,
  createReferencePlayer,
  hexDigits,
  type ReferencePlayer,
  type SessionState,
  stockAt,
  uuidText,
} from "@hexhold/client";
import type { HexView } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import type { Resource } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { diskOf, type Key, keyText } from "@hexhold/hex";
import { computed, signal } from "@preact/signals";
import { balances, readBalances } from "./balances.ts";
import { noteFrame } from "./frame-log.ts";
import { createHexIndex, type KnownHex } from "./hex-index.ts";
import { forgetToken } from "./join-token.ts";
import { outcomeWords, resourceNames } from "./words.ts";
import { createWalker, type Walker } from "./walker.ts";

/** How far a player sees. */
const ringRadius = 2;
export const gatherAmount = 10;
const notesMax = 4;
const noteMs = 7000;

export interface Note {
  readonly nth: number;
  readonly text: string;
}

export interface World {
  readonly client: Client;
  readonly home: Key;
  /** Hex digits of the player's id. */
  readonly self: string;
  readonly accountText: string;
  readonly ring: readonly Key[];
  readonly walker: Walker;
  hex(hexId: bigint): KnownHex;
  gather(resource: Resource): Promise<void>;
}

export const session = signal<SessionState>({ mode: "connecting", attempt: 0 });
export const world = signal<World | undefined>(undefined);
export const ownHex = signal<KnownHex | undefined>(undefined);
export const roundTripMs = signal<number | undefined>(undefined);
export const gaps = signal({ noticed: 0, unnoticed: 0 });
export const notes = signal<readonly Note[]>([]);
/** Whether the player is in its hex: `enter` was answered. */
export const isPresent = signal(false);
/** Server time, four times a second: what grows is computed from it. */
export const nowMs = signal(Date.now());

export const ownPlayers = computed(() => ownHex.value?.view?.players ?? []);

let nthNote = 0;

export function say(text: string): void {
  if (notes.value.some((note) => note.text === text)) return;
  const note = { nth: nthNote++, text };
  notes.value = [...notes.value.slice(1 - notesMax), note];
  setTimeout(() => (notes.value = notes.value.filter((other) => other !== note)), noteMs);
}

/** Connects with `token`, or with those that it gives, and goes on by itself from there. */
export function join(token: string | (() => Promise<string>)): void {
  const { protocol, host } = location;
  const client = createClient({
    url: `${protocol === "https:" ? "wss" : "ws"}://${host}/`,
    token,
    sdk: "hexhold-console/0.1.0",
    onFrame: noteFrame,
    onState(state) {
      session.value = state;
      if (state.mode === "online") void arrive(client);
      else isPresent.value = false;
      if (state.mode === "closed" && state.reason.endsWith("-token")) forgetToken();
    },
    onNotice(kind) {
      if (kind === "token-expiring" && typeof token === "string")
        say("Your access token ends in a minute.");
    },
  });
  setInterval(() => tick(client), 250);
  addEventListener("pagehide", () => void depart(client));
}

/** In the hex of residence, with the ring around it in sight. Once per connection. */
async function arrive(client: Client): Promise<void> {
  const { welcome } = client;
  if (welcome?.residence === undefined) {
    say("This player lives nowhere in this world.");
    return;
  }
  if (world.value === undefined) world.value = settle(client, welcome.accountId, welcome.residence);
  const outcome = await playerOf(client).enter();
  if (outcome.outcome === "refused" && outcome.reason === "already-online") isPresent.value = true;
  else if (outcome.outcome === "applied") isPresent.value = true;
  else tell("Joining", outcome);
}

async function depart(client: Client): Promise<void> {
  if (client.state.mode !== "online") return;
  await Promise.race([
    playerOf(client).leave({ ordered: false }),
    new Promise((resolve) => setTimeout(resolve, 300)),
  ]);
  client.close();
}

let player: ReferencePlayer | undefined;

function playerOf(client: Client): ReferencePlayer {
  player ??= createReferencePlayer(client);
  return player;
}

function settle(client: Client, accountId: Uint8Array, home: Key): World {
  const index = createHexIndex();
  const ring = diskOf(home.hexId, ringRadius).map((hexId) => ({ ...home, hexId }));
  const homeText = keyText(home);
  const self = hexDigits(accountId);
  const walker = createWalker({
    send: (x, y) =>
      playerOf(client).move(x, y, (outcome) => {
        if (outcome.outcome !== "refused") return;
        tell("Walking", outcome);
        walker.place(positionOf(index.get(homeText).view, self));
      }),
  });
  const reader = readBalances(client);
  client.subscribe(ring, (update) => {
    index.take(update);
    if (keyText(update.key) !== homeText) return;
    ownHex.value = index.get(homeText);
    if ("seen" in update) walker.begin(positionOf(update.seen.view, self));
  });
  return {
    client,
    home,
    self,
    accountText: uuidText(accountId),
    ring,
    walker,
    hex: (hexId) => index.get(keyText({ ...home, hexId })),
    async gather(resource) {
      const outcome = await playerOf(client).gather(resource, gatherAmount);
      if (outcome.outcome === "applied") reader.soon();
      tell(`Gathering ${resourceNames[resource] ?? ""}`, outcome);
    },
  };
}

function positionOf(view: HexView | undefined, self: string): { x: number; y: number } | undefined {
  return view?.players.find((item) => hexDigits(item.playerId) === self);
}

function tell(what: string, outcome: AnyOutcome): void {
  const words = outcomeWords(what, outcome);
  if (words !== undefined) say(words);
}

function tick(client: Client): void {
  nowMs.value = client.serverNow();
  roundTripMs.value = client.roundTripMs;
  const { gapsNoticed: noticed, gapsUnnoticed: unnoticed } = client.stats;
  if (noticed !== gaps.value.noticed || unnoticed !== gaps.value.unnoticed) {
    gaps.value = { noticed, unnoticed };
  }
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
