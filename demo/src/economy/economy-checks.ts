/** What an economy of bots must come to, as data. Pure. */
import type { Check } from "../checks.ts";
import type { EconomyResult } from "./economy-result.ts";

/** The promise is for 60 bots in 120 s: 200 trades, 5 levels, 100 messages that others read. */
const botSecondsPerTrade = (60 * 120) / 200;
const botSecondsPerLevel = (60 * 120) / 5;
const botSecondsPerMessage = (60 * 120) / 100;
const booksMin = 3;
/** In less time no building can be planned, supplied and finished, no election called, held and decided, and coin is rare. */
const wholeCycleS = 90;

/**
 * From 90 s on fewer bots, or less time, owe less in proportion. Before that a level and a message are owed, and
 * neither trades nor a building nor an election.
 */
export function checkEconomy(
  { assets, levelsGained, buildings, elections, chat }: EconomyResult,
  bots: number,
  seconds: number,
): Check[] {
  const trades = assets.reduce((sum, asset) => sum + asset.trades, 0);
  const books = assets.filter((asset) => asset.trades > 0).length;
  const isWhole = seconds >= wholeCycleS;
  const owed = (perUnit: number): number =>
    isWhole ? Math.max(1, Math.round((bots * seconds) / perUnit)) : 1;
  const tradesMin = owed(botSecondsPerTrade);
  const readMin = owed(botSecondsPerMessage);
  const levelsMin = owed(botSecondsPerLevel);
  const checks: Check[] = [
    {
      name: `hexes gained ${count(levelsMin, "level")} at least`,
      passed: levelsGained >= levelsMin,
      detail: `${levelsGained}`,
    },
    {
      name: `${count(readMin, "message")} at least ${readMin === 1 ? "was" : "were"} read by others`,
      passed: chat.read >= readMin,
      detail: `${chat.read} of ${chat.said}`,
    },
  ];
  if (!isWhole) return checks;
  return [
    ...checks,
    {
      name: `${count(tradesMin, "trade")} at least ${tradesMin === 1 ? "was" : "were"} made, in at least ${booksMin} books`,
      passed: trades >= tradesMin && books >= booksMin,
      detail: `${trades} in ${books} books`,
    },
    { name: "something was built", passed: buildings > 0, detail: `${buildings}` },
    {
      name: "an election was won",
      passed: elections.won > 0,
      detail: `${elections.won} won, ${elections.failed} failed`,
    },
  ];
}

const count = (number: number, word: string): string =>
  `${number} ${word}${number === 1 ? "" : "s"}`;
