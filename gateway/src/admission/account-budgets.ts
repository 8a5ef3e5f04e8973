/**
 * What each account may send, whatever its connections: a budget outlives them, so that who is closed for a flood
 * and comes back meets what is left.
 *
 * Commands have a budget of their own, which `welcome.limits` promises. All else takes units from a second one, by
 * what it costs the gateway; so does a command that comes beyond the first, which is answered with an error.
 */
import { LRUCache } from "lru-cache";
import { TokenBucket } from "./token-bucket.ts";

/** Units that a frame costs. */
export const frameCosts = {
  /** A signature, a session, announcements to all gateways. */
  hello: 10,
  refresh: 10,
  /** And one for each key: a state is read for it, and sent. */
  subscribe: 1,
  /** Whatever its keys: bindings are dropped late. */
  unsubscribe: 1,
  /** And one for each topic that is taken up or let go: the broker may have to bind it. */
  listen: 1,
  /** A pong. */
  ping: 1,
  /** Of WebSocket itself, answered or not. */
  controlFrame: 1,
  /** A command beyond the budget of commands: an answer. */
  refusedCommand: 1,
  /** It ends the connection; the next one costs a hello as well. */
  malformed: 10,
} as const;

export interface AccountBudgetOptions {
  readonly commandsPerS: number;
  readonly commandsBurst: number;
  readonly frameUnitsPerS: number;
  readonly frameUnitsBurst: number;
  /** Accounts that are remembered; the one that was used least recently is forgotten. Default 50,000. */
  readonly accountsMax?: number;
}

const accountsMaxDefault = 50_000;
const floodDebtMs = 5000;

/** Of one account. Times are of a monotonic clock, in milliseconds. */
export interface AccountBudget {
  /** 0 = the command may pass; else milliseconds until one may. */
  takeCommand(nowMs: number): number;
  /** 0 = the frame may pass; else milliseconds until it may: a flood. */
  takeUnits(units: number, nowMs: number): number;
  /** As {@link takeUnits}, and takes nothing. */
  unitsInMs(units: number, nowMs: number): number;
  /** The account is closed for a flood: it comes back in five seconds, and not at once. */
  flooded(): void;
}

export class AccountBudgets {
  readonly #options: AccountBudgetOptions;
  readonly #budgets: LRUCache<string, AccountBudget>;

  constructor(options: AccountBudgetOptions) {
    this.#options = options;
    this.#budgets = new LRUCache({ max: options.accountsMax ?? accountsMaxDefault });
  }

  /** 0 = the account may say hello, as far as is known; else milliseconds until it may. Takes nothing. */
  helloInMs(account: string, nowMs: number): number {
    return this.#budgets.peek(account)?.unitsInMs(frameCosts.hello, nowMs) ?? 0;
  }

  of(account: string, nowMs: number): AccountBudget {
    const known = this.#budgets.get(account);
    if (known !== undefined) return known;
    const { commandsPerS, commandsBurst, frameUnitsPerS, frameUnitsBurst } = this.#options;
    const commands = new TokenBucket(commandsPerS, commandsBurst, nowMs);
    const units = new TokenBucket(frameUnitsPerS, frameUnitsBurst, nowMs);
    const budget: AccountBudget = {
      takeCommand: (atMs) => commands.take(atMs),
      takeUnits: (count, atMs) => units.take(atMs, count),
      unitsInMs: (count, atMs) => units.waitMs(atMs, count),
      flooded: () => units.drain(floodDebtMs),
    };
    this.#budgets.set(account, budget);
    return budget;
  }
}
