/** Commands of elections, and electorates to begin with. */
import { create, type Message } from "@bufbuild/protobuf";
import type { CommandOutcome, DomainMessage } from "@hexhold/domain";
import {
  type CallElectionResult,
  CallElectionSchema,
  StandSchema,
  VoteSchema,
} from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { uuidBytes } from "@hexhold/messaging";
import {
  commandOf,
  hex,
  newAccount,
  said,
  spawned,
  type TestGovernance,
  worth,
} from "./governance-database.ts";

export const call = (account: string, of = hex): DomainMessage =>
  commandOf(create(CallElectionSchema, { hex: of }), account);
export const stand = (election: string, account: string, words = ""): DomainMessage =>
  commandOf(create(StandSchema, { election, words }), account);
export const vote = (election: string, account: string, candidate: string): DomainMessage =>
  commandOf(create(VoteSchema, { election, candidate: uuidBytes(candidate) }), account);

/** The result of a command that was applied. */
export function resultOf(outcome: CommandOutcome | undefined): Message | undefined {
  if (outcome?.kind !== "applied") throw new Error(said(outcome));
  return outcome.result;
}

/** Accounts that live in a hex, with so many points each. */
export async function settle(
  governance: TestGovernance,
  points: readonly number[],
  of = hex,
): Promise<string[]> {
  const accounts = points.map(() => newAccount());
  await governance.run(
    ...accounts.map((account) => spawned(account, of)),
    ...accounts.flatMap((account, n) =>
      points[n]! > 0 ? [worth(account, points[n]!, { of })] : [],
    ),
  );
  return accounts;
}

/** Calls an election; its id. */
export async function called(governance: TestGovernance, by: string, of = hex): Promise<string> {
  const [outcome] = await governance.run(call(by, of));
  return (resultOf(outcome) as CallElectionResult).election;
}
