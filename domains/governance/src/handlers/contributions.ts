/** What players do for hexes: the game says what it is worth, the journal keeps it, points follow. */
import { onEvents, type DomainMessage, type Transaction } from "@hexhold/domain";
import { keyText } from "@hexhold/hex";
import { keyOfWire, uuidText } from "@hexhold/messaging";
import type { GovernanceMetrics } from "../governance-metrics.ts";
import { dayOf, type Points, pointsAt, withWorth, type Worth } from "../rules/points.ts";
import type { StandingEvent } from "../rules/standing-events.ts";
import {
  journalOf,
  knownEvents,
  type NewContribution,
  type Place,
  placeText,
  storeContributions,
} from "../store/reputation-rows.ts";
import type { GovernanceWork } from "../work/governance-work.ts";
import { named, type NamedHandler } from "./named-handler.ts";

export interface ContributionOptions {
  readonly fadePerMille: bigint;
  readonly metrics: Pick<GovernanceMetrics, "contributions">;
}

export function contributionHandler(
  event: StandingEvent,
  { fadePerMille, metrics }: ContributionOptions,
): NamedHandler {
  return named(
    event.schema,
    (message) => ({ points: orNone(() => contributionsIn(event, message)) }),
    (schema) =>
      onEvents(schema, async (transaction, events, work: GovernanceWork) => {
        const given = events.flatMap((message) => contributionsIn(event, message));
        if (given.length === 0) return;
        const known = await knownEvents(
          transaction,
          given.map(({ eventId }) => eventId),
        );
        const fresh = given.filter(({ eventId }) => !known.has(uuidText(eventId)));
        if (fresh.length === 0) return;
        const byPlace = Map.groupBy(fresh, placeText);
        const points: (Place & Points)[] = [];
        for (const [text, own] of byPlace) {
          const [{ account, hex }] = own as [NewContribution];
          const before = work.points.get(text) ?? { points: 0n, day: 0 };
          const worths = own.map(({ value, atMs }) => ({ value, day: dayOf(atMs) }));
          const after = await pointsAfter(
            transaction,
            { account, hex },
            before,
            worths,
            fadePerMille,
          );
          points.push({ account, hex, ...after });
        }
        await storeContributions(transaction, fresh, points);
        for (const place of points) work.points.set(placeText(place), place);
        work.afterCommit(() => metrics.contributions.inc(fresh.length));
      }),
  );
}

/** A contribution of a day that is over makes all of it be folded anew: its points have faded since. */
async function pointsAfter(
  transaction: Transaction,
  place: Place,
  before: Points,
  worths: readonly Worth[],
  fadePerMille: bigint,
): Promise<Points> {
  const sorted = worths.toSorted((a, b) => a.day - b.day);
  if (sorted[0]!.day >= before.day) {
    return sorted.reduce((state, worth) => withWorth(state, worth, fadePerMille), before);
  }
  const day = Math.max(before.day, sorted.at(-1)!.day);
  const journal = await journalOf(transaction, place);
  return { points: pointsAt([...journal, ...worths], day, fadePerMille), day };
}

function contributionsIn(
  event: StandingEvent,
  { message, envelope }: DomainMessage,
): readonly NewContribution[] {
  if (envelope.producer?.service !== "worker") throw new TypeError("no worker has said this");
  if (envelope.key === undefined) throw new TypeError(`${event.type} without the key of its hex`);
  const hex = keyText(keyOfWire(envelope.key));
  return event.contributionsOf(message).map(({ accountId, value, atMs }, n) => ({
    eventId: envelope.eventId,
    nth: n + 1,
    account: uuidText(accountId),
    hex,
    value,
    atMs,
  }));
}

function orNone<T>(run: () => readonly T[]): readonly T[] {
  try {
    return run();
  } catch {
    return [];
  }
}
