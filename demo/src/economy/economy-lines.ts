/** An economy in words, for a terminal. Pure. */
import { drawPlot, type Mark } from "../draw-plot.ts";
import type { EconomyResult } from "./economy-result.ts";

const columns = [
  ["asset", ({ asset }) => asset],
  ["minted", ({ minted }) => count(minted)],
  ["burned", ({ burned }) => count(burned)],
  ["free", ({ owned }) => count(owned)],
  ["held", ({ held }) => count(held)],
  ["trades", ({ trades }) => count(trades)],
  ["volume", ({ volume }) => count(volume)],
  ["last price", ({ lastPrice }) => (lastPrice === 0 ? "-" : count(lastPrice))],
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
    `  land      ${count(levelsGained)} levels gained, ${count(buildings)} buildings, ${count(owners)} hexes with an owner; elections ${elections.won} won, ${elections.failed} failed`,
    `  chat      ${count(chat.said)} messages, ${count(chat.read)} of them read by others`,
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

const count = (number: number): string => number.toLocaleString("en-GB");
