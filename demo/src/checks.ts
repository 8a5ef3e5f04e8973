/** What must hold of a run, as data: the demo passes when each of these does. Pure. */
import type { BotsStats } from "@hexhold/bots";
import type { Totals } from "./tally.ts";

export interface Check {
  /** A sentence that is true when it passed. */
  readonly name: string;
  readonly passed: boolean;
  /** Figures, or what is wrong. */
  readonly detail: string;
}

/** Promised of commands that no fault touches. */
const inTimeShareMin = 0.999;

/** Of what the bots saw. */
export function checkPlay(totals: Totals, stats: BotsStats, hadFaults: boolean): Check[] {
  const { undisturbed, disturbed } = totals;
  const share = undisturbed.commands === 0 ? 0 : undisturbed.inTime / undisturbed.commands;
  const checks: Check[] = [
    {
      name: "at least 99.9 % of commands were applied or refused within 5 s",
      passed: share >= inTimeShareMin,
      detail: `${undisturbed.inTime} of ${undisturbed.commands}${hadFaults ? " outside faults" : ""}, ${(share * 100).toFixed(2)} %`,
    },
    {
      name: "no command ended with an unknown outcome",
      // Without faults there is no reason for one on the way either.
      passed: totals.unknown === 0 && (hadFaults || stats.unknownAnswers === 0),
      detail: `${totals.unknown}; ${stats.unknownAnswers} such answers on the way`,
    },
    {
      name: "each transfer arrived or came back",
      passed: totals.transfers.unknown === 0,
      detail: `${totals.transfers.arrived} arrived, ${totals.transfers.returned} came back, ${totals.transfers.unknown} unknown`,
    },
    {
      name: "no view had an unnoticed gap",
      passed: stats.gapsUnnoticed === 0 && stats.malformed === 0,
      detail: `${stats.gapsUnnoticed} unnoticed, ${stats.malformed} malformed; ${stats.gapsNoticed} noticed and healed`,
    },
    {
      name: "no session was lost for good",
      passed: stats.lost === 0,
      detail: `${stats.lost}`,
    },
  ];
  if (hadFaults) {
    checks.push({
      name: "each durable command around a fault was applied or refused in the end",
      passed: disturbed.ended === disturbed.commands,
      detail: `${disturbed.ended} of ${disturbed.commands}`,
    });
  }
  return checks;
}
