/** Tells players of elections: who listens to the hex's council, the electors, and the owner whom it is about. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { TopicPublisher } from "@hexhold/domain";
import {
  ElectionCalledSchema,
  ElectionDecidedSchema,
} from "@hexhold/gen/hexhold/governance/v1/events_pb";
import { electionMessage } from "../handlers/election-message.ts";
import type { ElectionRow } from "../store/election-rows.ts";

export type Topics = Pick<TopicPublisher, "toPlayer" | "toTopic">;

export function tellCalled(topics: Topics, row: ElectionRow, electors: readonly string[]): void {
  tell(topics, row, electors, ElectionCalledSchema, { election: electionMessage(row) });
}

export function tellDecided(
  topics: Topics,
  row: ElectionRow,
  electors: readonly string[],
  owner: { readonly number: bigint; readonly untilMs: number } | undefined,
): void {
  tell(topics, row, electors, ElectionDecidedSchema, {
    election: electionMessage(row),
    number: owner?.number ?? 0n,
    untilMs: BigInt(owner?.untilMs ?? 0),
  });
}

function tell<S extends typeof ElectionCalledSchema | typeof ElectionDecidedSchema>(
  topics: Topics,
  { hex, owner }: ElectionRow,
  electors: readonly string[],
  schema: S,
  init: MessageInitShape<S>,
): void {
  const message = create<S>(schema, init);
  topics.toTopic({ topic: `council/${hex}`, seq: 0n, schema, message });
  for (const account of new Set([...electors, ...(owner === undefined ? [] : [owner])])) {
    topics.toPlayer({ account, schema, message });
  }
}
