/** Many bots at once, spread over the gateways of a world. */
import type { ClientStats } from "@hexhold/client";
import { type Bot, startBot } from "./bot.ts";
import { callingOf } from "./calling.ts";
import type { CommandEnd } from "./command-end.ts";
import { seededRandom } from "./seeded-random.ts";

export interface BotsOptions {
  readonly count: number;
  /** Addresses of gateways, `ws:` or `http:`; bots are spread over them, and go on at another when one is lost. At least one. */
  readonly gateways: readonly string[];
  /** Accounts are `<namePrefix>-1` … `<namePrefix>-<count>`; names have at most 24 characters. */
  readonly namePrefix: string;
  /** Of each account; 8 to 128 characters. */
  readonly password: string;
  /** The same seed, the same intentions; what comes of them depends on the others. Default 1. */
  readonly seed?: number;
  /** Steps a second of each bot. Default 4; a gateway takes 50 commands a second of a connection. */
  readonly pace?: number;
  /** They trade, build, vote and talk by a calling each, as `callingOf` deals them; else they walk, gather, cross and build. Default false. */
  readonly economy?: boolean;
  /** Each command when it has ended. */
  readonly onCommand: (end: CommandEnd) => void;
  /** How many play, each time one has begun. */
  readonly onJoined?: (joined: number) => void;
  /** Aborted: all sessions end at once, and a `startBots` that is not done rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Sums over all bots. */
export interface BotsStats extends Readonly<ClientStats> {
  readonly online: number;
  /** Sessions that the server has ended for good. */
  readonly lost: number;
  readonly unknownAnswers: number;
  /** Messages of the chat that somebody else than their sender has read; 0 without an economy. */
  readonly heard: number;
}

export interface Bots {
  readonly count: number;
  stats(): BotsStats;
  /** Ends all of them in good order. Idempotent. */
  stop(): Promise<void>;
}

/** A registration costs the server some tens of milliseconds of a core; more at once only wait. */
const joiningMax = 8;

/**
 * Lets `count` bots register or log in, connect and play. Resolves when all of them play; when one cannot,
 * those that do are stopped, and it rejects.
 */
export async function startBots(options: BotsOptions): Promise<Bots> {
  const { count, gateways, namePrefix, password, seed = 1, pace = 4, onCommand, signal } = options;
  const { economy = false } = options;
  if (gateways.length === 0) throw new RangeError("bots need the address of a gateway");
  const bots: Bot[] = [];
  const heard = new Set<string>();
  const stop = async (): Promise<void> => {
    await Promise.all(bots.map((bot) => bot.stop()));
  };
  let next = 0;
  const join = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) {
      signal?.throwIfAborted();
      const bot = await startBot({
        gateways: rotated(gateways, n % gateways.length),
        name: `${namePrefix}-${n + 1}`,
        password,
        random: seededRandom(seed * 7919 + n),
        pace,
        ...(economy ? { calling: callingOf(n), onHeard: (message) => heard.add(message) } : {}),
        onCommand,
      });
      bots.push(bot);
      options.onJoined?.(bots.length);
    }
  };
  const joined = await Promise.allSettled(Array.from({ length: joiningMax }, join));
  const closeAll = (): void => {
    for (const bot of bots) bot.close();
  };
  signal?.addEventListener("abort", closeAll, { once: true });
  if (signal?.aborted === true) closeAll();
  const failure = joined.find((each) => each.status === "rejected");
  if (failure !== undefined) {
    await stop();
    throw failure.reason;
  }
  return {
    count,
    stats: () => ({ ...sumOf(bots), heard: heard.size }),
    async stop() {
      await stop();
      signal?.removeEventListener("abort", closeAll);
    },
  };
}

/** From the `first` on, and around. */
function rotated(gateways: readonly string[], first: number): string[] {
  return [...gateways.slice(first), ...gateways.slice(0, first)];
}

function sumOf(bots: readonly Bot[]): Omit<BotsStats, "heard"> {
  const total = (of: (bot: Bot) => number): number => bots.reduce((sum, bot) => sum + of(bot), 0);
  const stat = (name: keyof ClientStats): number => total((bot) => bot.stats[name]);
  return {
    online: total((bot) => (bot.online ? 1 : 0)),
    lost: total((bot) => (bot.lost ? 1 : 0)),
    unknownAnswers: total((bot) => bot.unknownAnswers),
    welcomes: stat("welcomes"),
    framesSent: stat("framesSent"),
    framesReceived: stat("framesReceived"),
    malformed: stat("malformed"),
    repetitions: stat("repetitions"),
    coalesced: stat("coalesced"),
    states: stat("states"),
    events: stat("events"),
    repeatedEvents: stat("repeatedEvents"),
    gapsNoticed: stat("gapsNoticed"),
    gapsUnnoticed: stat("gapsUnnoticed"),
  };
}
