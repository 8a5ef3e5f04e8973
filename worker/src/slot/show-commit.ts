import type { CommitPlan, DecidedCommand } from "./commit-plan.ts";
import { commandBindings } from "./command-bindings.ts";
import type { Round } from "./round.ts";
import type { SlotPorts } from "./slot-ports.ts";

export type ShowCommitPorts = Pick<
  SlotPorts,
  "hotHexes" | "logger" | "metrics" | "views" | "worldNow"
>;

/** Moves the hexes on to what was committed, then shows it: answers, views, counters. */
export function showCommit(
  plan: CommitPlan,
  decided: readonly DecidedCommand[],
  round: Round,
  slot: string,
  { hotHexes, logger, metrics, views, worldNow }: ShowCommitPorts,
): void {
  const nowMs = worldNow();
  for (const item of plan.progress) {
    const { hex, hexVersion, lastEventId, viewSeq, changes, volatileChanges } = item;
    hex.hexVersion = hexVersion;
    if (lastEventId !== undefined) hex.lastEvents.add(hexVersion, lastEventId);
    hex.viewSeq = viewSeq;
    hex.changedMs = nowMs;
    if (hex.unsaved === 0) hex.unsavedSinceMs = nowMs;
    hex.unsaved += changes;
    hex.unsavedVolatile += volatileChanges;
  }
  for (const { command, stored } of plan.finished) {
    round.finished(command, stored);
  }
  for (const [i, { command }] of decided.entries()) round.answer(command, plan.answers[i]!);
  views.publish(plan.views);
  for (const { command, hex, outcome } of decided) {
    hex.usedMs = nowMs;
    metrics.commands.inc(outcome.kind);
    hotHexes.count(command.keyText);
  }
  if (!logger.isLevelEnabled("debug")) return;
  for (const { command, outcome } of decided) {
    logger.debug(
      {
        ...commandBindings(slot, command.envelope),
        key: command.keyText,
        outcome: outcome.kind,
      },
      "command finished",
    );
  }
}
