/** What a run came to: the document that `--json` writes. Its fields are described in demo/README.md. */
import type { BotsStats } from "@hexhold/bots";
import type { Machine } from "@hexhold/testing";
import type { Check } from "./checks.ts";
import type { EconomyResult } from "./economy/economy-result.ts";
import type { Injected } from "./fault-schedule.ts";
import type { Second, Totals } from "./tally.ts";

export interface ResultFault extends Injected {
  /** The longest time of a command that the fault could touch. */
  readonly slowestMs: number;
}

export interface DemoResult {
  readonly format: 1;
  readonly startedAt: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly world: {
    readonly profile: string;
    readonly attached: boolean;
    readonly processes: readonly string[];
  };
  readonly bots: number;
  readonly pace: number;
  readonly seed: number;
  /** How long all of them played. */
  readonly seconds: number;
  readonly commands: Totals & { readonly perSecond: number };
  readonly client: BotsStats;
  readonly faults: readonly ResultFault[];
  readonly series: readonly Second[];
  /** Of `--economy`. */
  readonly economy?: EconomyResult;
  readonly checks: readonly Check[];
  readonly passed: number;
  readonly failed: number;
}
