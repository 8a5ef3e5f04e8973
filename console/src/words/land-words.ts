/** What stands on the land, as players are told it. */
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Biome, type Site, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { ownerAt, taxRateAt } from "@hexhold/reference-client";
import { amountWords, rateWords } from "./number-words.ts";
import { clockWords, spanWords } from "./time-words.ts";

const biomes: Readonly<Record<number, string>> = {
  [Biome.FOREST]: "forest",
  [Biome.HILLS]: "hills",
  [Biome.PLAINS]: "plains",
  [Biome.MARSH]: "marsh",
  [Biome.MOUNTAIN]: "mountain",
};
/** What can be built, as it is called. */
export const siteKindNames: Readonly<Record<number, string>> = {
  [SiteKind.DWELLING]: "dwelling",
  [SiteKind.STOREHOUSE]: "storehouse",
  [SiteKind.WELL]: "well",
};

/** Lines of the panel; none in worlds that have no land to build on. */
export function landLines(
  view: HexView,
  nowMs: number,
  nameOf: (playerId: Uint8Array) => string,
): readonly { readonly name: string; readonly words: string }[] {
  const biome = biomes[view.biome];
  if (biome === undefined) return [];
  return [
    { name: "land", words: biome },
    { name: "owner", words: ownerWords(view, nowMs, nameOf) },
    ...(ownerAt(view, nowMs) === undefined ? [] : [{ name: "tax", words: taxWords(view, nowMs) }]),
    { name: "buildings", words: buildingWords(view) },
  ];
}

function ownerWords(
  view: HexView,
  nowMs: number,
  nameOf: (playerId: Uint8Array) => string,
): string {
  const owner = ownerAt(view, nowMs);
  if (owner === undefined) return "nobody";
  const until = `for ${spanWords(Number(view.ownerUntilMs) - nowMs)}`;
  return `${nameOf(owner)} ${until}`;
}

/** What the owner takes of what others gather, now and soon. */
export function taxWords(view: HexView, nowMs: number): string {
  const now = taxRateAt(view, nowMs);
  const { tax } = view;
  const words = now === 0 ? "none" : rateWords(now);
  if (tax === undefined || nowMs >= Number(tax.nextFromMs)) return words;
  return `${words}, ${rateWords(tax.nextRatePerMille)} in ${spanWords(Number(tax.nextFromMs) - nowMs)}`;
}

function buildingWords({ buildings, buildingsMax }: HexView): string {
  const all = buildings.reduce((sum, { count }) => sum + count, 0);
  const named = buildings.map(({ kind, count }) => `${count} ${siteKindNames[kind] ?? "building"}`);
  return `${named.length === 0 ? "none" : named.join(", ")} (${all} of ${buildingsMax})`;
}

/** How far a site is: what it lacks, or when it stands. */
export function siteWords({ startedMs, dueMs }: Site, nowMs: number): string {
  if (startedMs === 0n) return "Needs these goods before it is built:";
  const leftMs = Number(dueMs) - nowMs;
  return leftMs <= 0 ? "About to stand" : `Stands in ${clockWords(leftMs)}`;
}

/** What was given did not come: the inventory had less of it. */
export function notTaken(amount: bigint, asset: string): string {
  return `Nothing was given: you did not have ${amountWords(amount)} ${asset} any more.`;
}

/** Most that can be given at once. */
const giveMax = 1_000n;

/** What is wrong with an amount that somebody would give; undefined: nothing. `has`: undefined while it is not known. */
export function giveFault(
  amount: bigint | undefined,
  has: bigint | undefined,
  asset: string,
): string | undefined {
  if (amount === undefined || amount < 1n) return "How much is a whole number, 1 or more.";
  if (amount > giveMax) return `At most ${amountWords(giveMax)} can be given at once.`;
  if (has !== undefined && amount > has) return `You have ${amountWords(has)} ${asset}.`;
  return undefined;
}
