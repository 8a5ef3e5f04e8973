/** What events are worth to the standing of players in a hex: the value of what they gave to it. */
import type { Contribution } from "@hexhold/actor";
import type { Contributed, SiteStarted } from "@hexhold/gen/hexhold/reference/v1/events_pb";

/** What was given to the hex itself. */
export function standingOfContributed({
  accountId,
  value,
  atMs,
}: Contributed): readonly Contribution[] {
  return value > 0n ? [{ accountId, value, atMs }] : [];
}

/** What was brought to a site counts when it has started: before that it can come back. */
export function standingOfStarted({ contributors, atMs }: SiteStarted): readonly Contribution[] {
  return contributors
    .filter(({ value }) => value > 0n)
    .map(({ accountId, value }) => ({ accountId, value, atMs }));
}
