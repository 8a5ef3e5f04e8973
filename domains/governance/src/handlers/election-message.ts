import { create } from "@bufbuild/protobuf";
import {
  Cause as CauseNumber,
  type Election,
  ElectionSchema,
  ElectionState as StateNumber,
} from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { uuidBytes } from "@hexhold/messaging";
import type { Cause } from "../rules/elections.ts";
import type { ElectionRow, ElectionState } from "../store/election-rows.ts";

export const causeNumbers: Readonly<Record<Cause, CauseNumber>> = {
  vacant: CauseNumber.VACANT,
  "term-over": CauseNumber.TERM_OVER,
  "owner-inactive": CauseNumber.OWNER_INACTIVE,
};
const stateNumbers: Readonly<Record<ElectionState, StateNumber>> = {
  open: StateNumber.OPEN,
  won: StateNumber.WON,
  failed: StateNumber.FAILED,
};

/** Accounts as players get them. */
export function accountBytes(account: string | undefined): Uint8Array {
  return account === undefined ? new Uint8Array(0) : uuidBytes(account);
}

export function electionMessage(row: ElectionRow): Election {
  const { id, hex, electors, weight, turnoutWeight, turnoutHeads, failure } = row;
  return create(ElectionSchema, {
    election: id,
    hex,
    calledBy: accountBytes(row.calledBy),
    cause: causeNumbers[row.cause],
    state: stateNumbers[row.state],
    opensMs: BigInt(row.opensMs),
    closesMs: BigInt(row.closesMs),
    electors,
    weight,
    turnoutWeight,
    turnoutHeads,
    winner: accountBytes(row.winner),
    failure,
  });
}
