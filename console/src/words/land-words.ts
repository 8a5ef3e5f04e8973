/** What stands on the land, as players are told it. */
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Biome, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { ownerAt, taxRateAt } from "@hexhold/reference-client";
import { resourceNames } from "./resource-words.ts";

const biomes: Readonly<Record<number, string>> = {
  [Biome.FOREST]: "forest",
  [Biome.HILLS]: "hills",
  [Biome.PLAINS]: "plains",
  [Biome.MARSH]: "marsh",
  [Biome.MOUNTAIN]: "mountain",
};
const kinds: Readonly<Record<number, string>> = {
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
    { name: "buildings", words: buildingWords(view) },
    { name: "site", words: siteWords(view, nowMs) },
  ];
}

function ownerWords(
  view: HexView,
  nowMs: number,
  nameOf: (playerId: Uint8Array) => string,
): string {
  const owner = ownerAt(view, nowMs);
  if (owner === undefined) return "nobody";
  const until = `for ${durationWords(Number(view.ownerUntilMs) - nowMs)}`;
  return `${nameOf(owner)} ${until}, ${taxWords(view, nowMs)}`;
}

function taxWords(view: HexView, nowMs: number): string {
  const now = taxRateAt(view, nowMs);
  const { tax } = view;
  const words = now === 0 ? "no tax" : `takes ${now / 10} %`;
  if (tax === undefined || nowMs >= Number(tax.nextFromMs)) return words;
  return `${words}, ${tax.nextRatePerMille / 10} % in ${durationWords(Number(tax.nextFromMs) - nowMs)}`;
}

function buildingWords({ buildings, buildingsMax }: HexView): string {
  const all = buildings.reduce((sum, { count }) => sum + count, 0);
  const named = buildings.map(({ kind, count }) => `${count} ${kinds[kind] ?? "building"}`);
  return `${named.length === 0 ? "none" : named.join(", ")} (${all} of ${buildingsMax})`;
}

function siteWords({ site }: HexView, nowMs: number): string {
  if (site === undefined) return "none";
  const kind = kinds[site.kind] ?? "building";
  if (site.startedMs > 0n) {
    const leftMs = Number(site.dueMs) - nowMs;
    return leftMs <= 0 ? `${kind}, about to stand` : `${kind}, stands in ${durationWords(leftMs)}`;
  }
  const needs = site.needs.map(
    ({ resource, need, got }) => `${got} of ${need} ${resourceNames[resource] ?? "goods"}`,
  );
  return `${kind}: ${needs.join(", ")}`;
}

/** Rounded up, in the largest unit of which there is a whole one. */
function durationWords(ms: number): string {
  const seconds = Math.max(Math.ceil(ms / 1000), 1);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.ceil(seconds / 3600)} h`;
  return `${Math.ceil(seconds / 86_400)} d`;
}
