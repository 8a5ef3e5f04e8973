/**
 * Timers of elections. `close`: it is over, and is counted. `apply`: its hex has not said that it has taken its owner, and is
 * told again; ends when it has, or when there is a newer one.
 *
 * Nothing else takes the row of a timer, so one who has it in hand may wait for elections and hexes.
 */
import { create } from "@bufbuild/protobuf";
import { createDueStore, type DueHandler, type Outbox, type OutboxMessage } from "@hexhold/domain";
import { SetOwnerSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { parseKeyText } from "@hexhold/hex";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import type { GovernanceMetrics } from "../governance-metrics.ts";
import { accountBytes } from "../handlers/election-message.ts";
import type { ElectionRules } from "../rules/elections.ts";
import { nextResendMs, resendMsFirst } from "../rules/resend-times.ts";
import { tally } from "../rules/tally.ts";
import {
  closeElection,
  lockElections,
  readElectors,
  readLastBallots,
} from "../store/election-rows.ts";
import { lockHeads, type OwnershipRow, unappliedOf } from "../store/hex-rows.ts";
import type { GovernanceWork } from "../work/governance-work.ts";
import { tellDecided, type Topics } from "../work/tell-election.ts";

export interface ElectionTimerOptions {
  readonly rules: ElectionRules;
  readonly outbox: Outbox;
  readonly topics: Topics;
  readonly metrics: Pick<GovernanceMetrics, "elections">;
}

export function electionTimers(
  options: ElectionTimerOptions,
): readonly DueHandler<GovernanceWork>[] {
  return [closeTimer(options), applyTimer(options)];
}

const due = createDueStore("governance");

function closeTimer({
  rules,
  outbox,
  topics,
  metrics,
}: ElectionTimerOptions): DueHandler<GovernanceWork> {
  const bars = { quorumPerMille: BigInt(rules.quorumPerMille), headsMin: rules.headsMin };
  return {
    kind: "close",
    async handle(transaction, timers, work) {
      const ids = timers.map(({ id }) => uuidText(id));
      const locked = await lockElections(
        transaction,
        new Map(ids.map((id) => [id, "exclusive" as const])),
      );
      const open = [...locked.values()].filter(({ state }) => state === "open");
      await lockHeads(
        transaction,
        open.map(({ hex }) => hex),
      );
      for (const row of open) {
        // It was due: a clock that was set back meanwhile does not keep it open.
        const nowMs = Math.max(work.nowMs, row.closesMs);
        const electors = await readElectors(transaction, row.id);
        const result = tally(await readLastBallots(transaction, row.id), electors, bars);
        const { turnout } = result;
        const winner = result.kind === "winner" ? result.winner : undefined;
        const failure = result.kind === "failed" ? result.failure : "";
        const untilMs = nowMs + rules.termMs;
        const ended = {
          turnoutWeight: turnout.weight,
          turnoutHeads: turnout.heads,
          winner,
          failure,
        };
        const number = await closeElection(transaction, row.id, { ...ended, nowMs, untilMs });
        const owner = number === undefined ? undefined : { number, untilMs };
        if (owner !== undefined) {
          const { hex, id: election } = row;
          const named = { hex, election, owner: winner, ...owner };
          await outbox.send(transaction, [setOwner(outbox, named)]);
          await due.arm(transaction, "apply", [
            { id: uuidBytes(election), dueMs: nowMs + resendMsFirst },
          ]);
        }
        const state = owner === undefined ? "failed" : "won";
        work.afterCommit(() => {
          metrics.elections.inc({ event: state });
          tellDecided(
            topics,
            { ...row, ...ended, state },
            electors.map(({ account }) => account),
            owner,
          );
        });
      }
    },
  };
}

/** Takes no lock: that the hex answers meanwhile makes the message one too many, and harmless. */
function applyTimer({ outbox }: ElectionTimerOptions): DueHandler<GovernanceWork> {
  return {
    kind: "apply",
    async handle(transaction, timers, work) {
      const dueMs = new Map(timers.map((timer) => [uuidText(timer.id), timer.dueMs]));
      const waiting = await unappliedOf(
        transaction,
        timers.map(({ id }) => id),
      );
      await outbox.send(
        transaction,
        waiting.map((row) => setOwner(outbox, row)),
      );
      await due.arm(
        transaction,
        "apply",
        waiting.map(({ election, fromMs }) => ({
          id: uuidBytes(election),
          dueMs: work.nowMs + nextResendMs(dueMs.get(election)! - fromMs),
        })),
      );
    },
  };
}

function setOwner(
  outbox: Outbox,
  named: Pick<OwnershipRow, "hex" | "number" | "owner" | "untilMs" | "election">,
): OutboxMessage {
  return outbox.messageOf({
    schema: SetOwnerSchema,
    message: create(SetOwnerSchema, {
      number: named.number,
      owner: accountBytes(named.owner),
      untilMs: BigInt(named.untilMs),
      electionId: uuidBytes(named.election),
    }),
    to: { hex: parseKeyText(named.hex) },
    cause: undefined,
  });
}
