import { expect, test } from "vitest";
import { drawSvg } from "./draw-svg.ts";
import { checkEconomy } from "./economy-checks.ts";
import { economyLines } from "./economy-lines.ts";
import type { AssetFigures, EconomyResult } from "./economy-result.ts";
import { seriesOf } from "./economy-series.ts";

const asset = (name: string, trades: number): AssetFigures => ({
  asset: name,
  minted: 12_000,
  burned: 200,
  owned: 11_000,
  held: 800,
  lastPrice: trades === 0 ? 0 : 5,
  trades,
  volume: trades * 6,
});
const economy: EconomyResult = {
  assets: [asset("coin", 0), asset("food", 70), asset("stone", 60), asset("wood", 80)],
  levelsGained: 9,
  buildings: 2,
  owners: 3,
  elections: { won: 3, failed: 1 },
  chat: { said: 150, read: 140 },
  series: seriesOf(
    [
      { book: "wood", price: 4, atMs: 900 },
      { book: "wood", price: 5, atMs: 1_000 },
      { book: "food", price: 9, atMs: 2_999 },
    ],
    [500, 2_500, 2_600],
    1_000,
    3.4,
  ),
};

test("a second has the last prices and levels of its end, and what was before counts", () => {
  expect(economy.series).toEqual([
    { second: 0, prices: { wood: 5 }, levels: 1 },
    { second: 1, prices: { wood: 5, food: 9 }, levels: 3 },
    { second: 2, prices: { wood: 5, food: 9 }, levels: 3 },
  ]);
});

test("fewer bots and less time owe less, and each shortage is a check that fails", () => {
  const passed = (of: EconomyResult, bots = 60, seconds = 120): boolean[] =>
    checkEconomy(of, bots, seconds).map((check) => check.passed);
  expect(checkEconomy(economy, 60, 120).map(({ name, detail }) => `${name}: ${detail}`)).toEqual([
    "hexes gained 5 levels at least: 9",
    "100 messages at least were read by others: 140 of 150",
    "200 trades at least were made, in at least 3 books: 210 in 3 books",
    "something was built: 2",
    "an election was won: 3 won, 1 failed",
  ]);
  expect(passed(economy)).toEqual([true, true, true, true, true]);
  const early = { ...economy, buildings: 0, elections: { won: 0, failed: 9 } };
  const silent = { ...early, chat: { said: 9, read: 0 } };
  const oneLevel = { ...early, levelsGained: 1, assets: [] };
  expect(passed(oneLevel, 60, 80)).toEqual([true, true]);
  expect(passed({ ...silent, levelsGained: 0, assets: [] }, 60, 80)).toEqual([false, false]);
  const poor = { ...silent, levelsGained: 4, buildings: 0, elections: { won: 0, failed: 1 } };
  expect(passed({ ...poor, assets: economy.assets.slice(0, 3) })).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
  const inTwoBooks = [asset("food", 300), asset("wood", 300)];
  expect(passed({ ...economy, assets: inTwoBooks })[2]).toBe(false);
  expect(
    passed(
      { ...economy, assets: economy.assets.map((each) => ({ ...each, trades: 4 })) },
      4,
      100,
    )[2],
  ).toBe(true);
});

test("the table has a line for each asset, and there are plots of the busiest book and of levels", () => {
  const lines = economyLines(economy, [{ at: 1, label: "kill market-1 at 1.0 s" }]);
  expect(lines.slice(0, 3)).toEqual([
    "  asset  minted  burned    free  held  trades  volume  last price",
    "  coin   12,000     200  11,000   800       0       0           -",
    "  food   12,000     200  11,000   800      70     420           5",
  ]);
  const text = lines.join("\n");
  expect(text).toContain(
    "9 levels gained, 2 buildings, 3 hexes with an owner; elections 3 won, 1 failed",
  );
  expect(text).toMatch(/price of wood\n {2}5 ┤███\n/);
  expect(text).toContain("▲ kill market-1 at 1.0 s");
});

test("the picture is well-formed, has a line for each book and a mark for each fault, and no name becomes markup", () => {
  const marks = [{ at: 1, label: "kill <worker> & co" }];
  const svg = drawSvg(economy.series, marks);
  expect(svg.match(/<polyline/g)).toHaveLength(2);
  expect(svg).toContain("1 kill &lt;worker> &amp; co");
  expect(svg).toContain('stroke-dasharray="4 3"');
  for (const name of ["wood", "food"]) expect(svg).toContain(`>${name}</text>`);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  expect(svg.match(/<text/g)).toHaveLength(svg.match(/<\/text>/g)!.length);
  expect(drawSvg(economy.series.slice(0, 1), [])).not.toMatch(/NaN|undefined/);
});
