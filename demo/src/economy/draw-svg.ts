/** Prices and levels over time as a picture for a page. Pure. */
import type { Mark } from "../draw-plot.ts";
import type { EconomySecond } from "./economy-result.ts";

const width = 860;
const left = 56;
const right = 76;
const top = 44;
const priceHeight = 220;
const gap = 56;
const levelHeight = 90;
const bottom = 64;
const height = top + priceHeight + gap + levelHeight + bottom;
const plotWidth = width - left - right;

/** Told apart without colour vision too: the palette of Okabe and Ito, dark enough on white. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a07800", "#56b4e9", "#000000"];

/**
 * Draws the price in each book, one line a book on an axis from 0, and the levels of all hexes below it; faults are
 * dashed lines through both, numbered and named below. Text is not styled by the page that shows it. At least one second.
 */
export function drawSvg(series: readonly EconomySecond[], marks: readonly Mark[]): string {
  const seconds = series.length;
  const books = [...new Set(series.flatMap(({ prices }) => Object.keys(prices)))].toSorted();
  const x = (second: number): number => left + (second / Math.max(1, seconds)) * plotWidth;
  const priceMax = niceCeil(Math.max(1, ...series.flatMap(({ prices }) => Object.values(prices))));
  const levelMax = niceCeil(Math.max(1, ...series.map(({ levels }) => levels)));
  const priceY = (price: number): number => top + priceHeight * (1 - price / priceMax);
  const levelTop = top + priceHeight + gap;
  const levelY = (level: number): number => levelTop + levelHeight * (1 - level / levelMax);
  const baseY = levelTop + levelHeight;
  const lines = books.map((book, i) => {
    // A price stands until the next trade.
    const points = series
      .filter(({ prices }) => prices[book] !== undefined)
      .flatMap(({ second, prices }) => {
        const y = priceY(prices[book]!).toFixed(1);
        return [`${x(second).toFixed(1)},${y}`, `${x(second + 1).toFixed(1)},${y}`];
      });
    return `<polyline points="${points.join(" ")}" fill="none" stroke="${colours[i % colours.length]}" stroke-width="1.8"/>`;
  });
  const levels = series.map(
    ({ second, levels: n }) => `${x(second + 1).toFixed(1)},${levelY(n).toFixed(1)}`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>Prices in coin and levels of all hexes over ${seconds} seconds</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...axis(priceMax, priceY, "Price in coin", top),
    ...axis(levelMax, levelY, "Levels of all hexes", levelTop),
    ...lines,
    ...labels(books, series.at(-1)?.prices ?? {}, priceY),
    `<polygon points="${left},${baseY} ${levels.join(" ")} ${x(seconds)},${baseY}" fill="#0072b2" fill-opacity="0.25" stroke="#0072b2"/>`,
    ...ticks(seconds).map((second) => text(x(second), baseY + 18, `${second} s`, "middle", "#444")),
    ...faults(marks, x, baseY),
    "</svg>",
    "",
  ].join("\n");
}

function axis(max: number, y: (value: number) => number, title: string, above: number): string[] {
  return [
    text(left, above - 14, title, "start", "#111", "600"),
    ...[0, max / 2, max].flatMap((value) => [
      `<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>`,
      text(left - 8, y(value) + 4, String(value), "end", "#444"),
    ]),
  ];
}

/** Names at the ends of their lines, moved apart where they would cover each other. */
function labels(
  books: readonly string[],
  last: Readonly<Record<string, number>>,
  y: (price: number) => number,
): string[] {
  const apart = 14;
  let above = -Infinity;
  return books
    .map((book, i) => ({ book, colour: colours[i % colours.length]!, at: y(last[book] ?? 0) + 4 }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ book, colour, at }) => {
      above = Math.max(at, above + apart);
      return text(width - right + 8, above, book, "start", colour, "600");
    });
}

function faults(marks: readonly Mark[], x: (second: number) => number, baseY: number): string[] {
  return marks.flatMap(({ at, label }, i) => [
    `<line x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${top - 6}" y2="${baseY}" stroke="#b00020" stroke-dasharray="4 3"/>`,
    text(x(at), top - 10, String(i + 1), "middle", "#b00020", "600"),
    text(left + i * 190, baseY + 46, `${i + 1} ${label}`, "start", "#b00020"),
  ]);
}

function text(
  x: number,
  y: number,
  words: string,
  anchor: "start" | "middle" | "end",
  fill: string,
  weight = "400",
): string {
  const safe = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${fill}" font-weight="${weight}">${safe}</text>`;
}

/** At most seven, at round seconds. */
function ticks(seconds: number): number[] {
  const step = [5, 10, 15, 20, 30, 60, 120, 300, 600].find((each) => seconds / each <= 6) ?? 1200;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) => i * step);
}

/** 1, 2 or 5 times a power of ten, or twice it, so that its half is whole from 2 on. */
function niceCeil(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 6, 8, 10].map((n) => n * power).find((nice) => nice >= value)!;
}
