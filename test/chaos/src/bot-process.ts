/**
 * Bots in a process of their own, to be killed with it: `node bot-process.ts <prefix> <count> <gateway>…`. Tells its
 * parent when all of them play, and what they count whenever it is asked.
 */
import { startBots } from "@hexhold/bots";

/** What the process tells. */
export interface BotsCounted {
  readonly online: number;
  readonly lost: number;
  /** Times that a bot's view was not what a full state said. */
  readonly gapsUnnoticed: number;
}

const [namePrefix = "", count = "", ...gateways] = process.argv.slice(2);
const bots = await startBots({
  count: Number(count),
  gateways,
  namePrefix,
  password: "correct horse battery",
  // Slow: what is looked at is who is there, not what they do.
  pace: 0.3,
  onCommand: () => undefined,
});
const tell = (): void => {
  const { online, lost, gapsUnnoticed } = bots.stats();
  process.send?.({ online, lost, gapsUnnoticed } satisfies BotsCounted);
};
process.on("message", tell);
// An orphan would play for ever.
process.on("disconnect", () => process.exit(1));
tell();
