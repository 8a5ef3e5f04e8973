/** An economy in words, for a terminal. Pure. */
import { countText } from "../count-text.ts";
import { drawPlot, type Mark } from "../draw-plot.ts";
import type { EconomyResult } from "./economy-result.ts";

const columns = [
  ["asset", ({ asset }) => asset],
  ["minted", ({ minted }) => countText(minted)],
  ["burned", ({ burned }) => countText(burned)],
  ["free", ({ owned }) => countText(owned)],
  ["held", ({ held }) => countText(held)],
  ["trades", ({ trades }) => countText(trades)],
  ["volume", ({ volume }) => countText(volume)],
  ["last price", ({ lastPrice }) => (lastPrice === 0 ? "-" : countText(lastPrice))],
] as const satisfies readonly (readonly [
  string,
  (asset: EconomyResult["assets"][number]) => string,
])[];

export function economyLines(economy: EconomyResult, marks: readonly Mark[]): string[] {
  const { assets, levelsGained, buildings, owners, elections, chat, series } = economy;
  const rows = [columns.map(([title]) => title as string)];
  for (const asset of assets) rows.push(columns.map(([, cell]) => cell(asset)));
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const table = rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  "),
  );
  const [busiest] = assets.toSorted((a, b) => b.trades - a.trades);
  const book = busiest?.asset ?? "";
  const prices = series.map((second) => second.prices[book] ?? 0);
  return [
    ...table.map((line) => `  ${line}`),
    "",
    `  land      ${countText(levelsGained)} levels gained, ${countText(buildings)} buildings, ${countText(owners)} hexes with an owner; elections ${elections.won} won, ${elections.failed} failed`,
    `  chat      ${countText(chat.said)} messages, ${countText(chat.read)} of them read by others`,
    "",
    `  price of ${book}`,
    ...drawPlot(prices, marks).map((line) => `  ${line}`),
    "",
    "  levels of all hexes",
    ...drawPlot(
      series.map(({ levels }) => levels),
      [],
    ).map((line) => `  ${line}`),
  ];
}
