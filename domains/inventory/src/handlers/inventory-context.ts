/** What handlers of the inventory need beside a transaction and its rows. */
import type { CommandOutcome, Outbox, TopicPublisher, Transaction } from "@hexhold/domain";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { uuidText } from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import type { InventoryMetrics } from "../inventory-metrics.ts";
import type { StepAnswer } from "../rules/escrow.ts";

/** `producer.service`, and the holder of what offers hold. */
export const serviceName = "inventory";

export interface InventoryRules {
  /** Open offers of one account. */
  readonly offersMax: number;
  /** An account younger than this offers nothing. */
  readonly tradeMinAgeHours: number;
  /** Whether items that events bring are made; their transactions are posted all the same. */
  readonly plaques: boolean;
}

export interface InventoryContext {
  readonly outbox: Outbox;
  /** Tells players which of their balances have changed. */
  readonly topics: Pick<TopicPublisher, "toPlayer">;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly rules: InventoryRules;
  readonly logger: Logger;
  readonly metrics: InventoryMetrics;
}

/** Who sent it: a service's steps are about what that service has begun. */
export function serviceOf({ producer }: Envelope): string {
  return producer?.service ?? "";
}

/** Of steps: there is nothing to say of them but that they are done. */
export function appliedAll(commands: readonly unknown[]): Promise<CommandOutcome[]> {
  return Promise.resolve(commands.map(() => ({ kind: "applied" })));
}

/** Counts a step's answer when it is committed. A step that nobody can answer is an alarm. */
export function countAnswer(
  { logger, metrics }: InventoryContext,
  transaction: Transaction,
  step: { readonly name: string; readonly id: Uint8Array },
  said: StepAnswer,
): void {
  const { name } = step;
  if (said.kind === "forgotten") {
    metrics.forgottenSteps.inc({ step: name });
    logger.error(
      { step: name, step_id: uuidText(step.id) },
      "a step is older than the records of steps: it is neither done nor refused",
    );
    return;
  }
  const answer = said.kind === "yes" ? "yes" : said.reason;
  transaction.onCommit(() => metrics.steps.inc({ step: name, answer }));
}
