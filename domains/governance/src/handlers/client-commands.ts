/** What players do: elections are called, candidates stand, electors vote. */
import { create } from "@bufbuild/protobuf";
import { onCommand } from "@hexhold/domain";
import {
  CallElectionResultSchema,
  CallElectionSchema,
  StandSchema,
  VoteSchema,
} from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { uuidText } from "@hexhold/messaging";
import type { GovernanceMetrics } from "../governance-metrics.ts";
import {
  callElection,
  type ElectionRules,
  type OpenElection,
  standRefusal,
  voteRefusal,
} from "../rules/elections.ts";
import {
  addBallot,
  addCandidate,
  type ElectionRow,
  lastBallot,
  openElection,
  readCandidates,
  weightOf,
} from "../store/election-rows.ts";
import { residentsOf, stateOfHex } from "../store/hex-rows.ts";
import type { GovernanceWork } from "../work/governance-work.ts";
import { tellCalled, type Topics } from "../work/tell-election.ts";
import { named, type NamedHandler } from "./named-handler.ts";
import { refused } from "./refused.ts";

export interface ClientCommandOptions {
  readonly rules: ElectionRules;
  readonly fadePerMille: bigint;
  readonly topics: Topics;
  readonly metrics: Pick<GovernanceMetrics, "elections" | "ballots">;
  /** UUIDv7 of a moment, as 16 bytes. */
  readonly newId: (nowMs: number) => Uint8Array;
}

export function clientCommands(options: ClientCommandOptions): readonly NamedHandler[] {
  return [call(options), stand, vote(options)];
}

function call({ rules, fadePerMille, topics, metrics, newId }: ClientCommandOptions): NamedHandler {
  return named(
    CallElectionSchema,
    ({ message, envelope }) => ({
      call: { account: uuidText(envelope.accountId), hex: message.hex },
    }),
    (schema) =>
      onCommand(schema, async (transaction, { message, envelope }, work: GovernanceWork) => {
        const { hex } = message;
        const { nowMs } = work;
        const caller = uuidText(envelope.accountId);
        // Its head was locked if the caller lives there.
        if (!work.heads.has(hex)) return refused("not-resident");
        const residents = await residentsOf(transaction, hex, { nowMs, fadePerMille });
        const state = await stateOfHex(transaction, hex);
        const called = callElection(caller, { nowMs, residents, ...state }, rules);
        if (called.kind === "refused") return refused(called.reason, called.retryAfterMs);
        const { cause, electors, owner } = called;
        const id = newId(nowMs);
        const closesMs = nowMs + rules.electionMs;
        const election = { id, hex, calledBy: caller, cause, owner, opensMs: nowMs, closesMs };
        await openElection(transaction, { ...election, electors });
        const row: ElectionRow = {
          ...election,
          id: uuidText(id),
          state: "open",
          electors: electors.length,
          weight: electors.reduce((sum, { weight }) => sum + weight, 0n),
          turnoutWeight: 0n,
          turnoutHeads: 0,
          winner: undefined,
          failure: "",
        };
        work.afterCommit(() => {
          metrics.elections.inc({ event: "called" });
          tellCalled(
            topics,
            row,
            electors.map(({ account }) => account),
          );
        });
        const result = create(CallElectionResultSchema, {
          election: row.id,
          closesMs: BigInt(closesMs),
          electors: electors.length,
        });
        return { kind: "applied", result };
      }),
  );
}

const stand: NamedHandler = named(
  StandSchema,
  ({ message }) => ({ election: { id: idOf(message.election), how: "exclusive" } }),
  (schema) =>
    onCommand(schema, async (transaction, { message, envelope }, work: GovernanceWork) => {
      const election = idOf(message.election);
      const account = uuidText(envelope.accountId);
      const candidates = await readCandidates(transaction, election);
      const standing = {
        account,
        isElector: (await weightOf(transaction, election, account)) > 0n,
        isCandidate: candidates.some((candidate) => candidate.account === account),
        candidates: candidates.length,
      };
      const refusal = standRefusal(openOf(work, election), standing, work.nowMs);
      if (refusal !== undefined) return refused(refusal);
      await addCandidate(transaction, election, {
        account,
        words: message.words,
        atMs: work.nowMs,
      });
      return { kind: "applied" };
    }),
);

function vote({ metrics, newId }: ClientCommandOptions): NamedHandler {
  return named(
    VoteSchema,
    ({ message, envelope }) => ({
      election: { id: idOf(message.election), how: "shared" },
      voter: uuidText(envelope.accountId),
    }),
    (schema) =>
      onCommand(schema, async (transaction, { message, envelope }, work: GovernanceWork) => {
        const election = idOf(message.election);
        const account = uuidText(envelope.accountId);
        const candidate = uuidText(message.candidate);
        const candidates = await readCandidates(transaction, election);
        const before = await lastBallot(transaction, election, account);
        const voter = {
          isElector: (await weightOf(transaction, election, account)) > 0n,
          isCandidate: candidates.some((standing) => standing.account === candidate),
          ballots: before?.nth ?? 0,
        };
        const refusal = voteRefusal(openOf(work, election), voter, work.nowMs);
        // The vote that it has cast last is no other one.
        const isSame = before?.candidate === candidate;
        const isAllowed = refusal === undefined || refusal === "too-many-votes";
        if (isSame && isAllowed) return { kind: "applied" };
        if (refusal !== undefined) return refused(refusal);
        await addBallot(transaction, election, {
          id: newId(work.nowMs),
          account,
          candidate,
          nth: (before?.nth ?? 0) + 1,
          atMs: work.nowMs,
        });
        work.afterCommit(() => metrics.ballots.inc());
        return { kind: "applied" };
      }),
  );
}

/** UUIDs have one text each: of two that differ in case only one would be found, or locked. */
function idOf(election: string): string {
  return election.toLowerCase();
}

function openOf({ elections }: GovernanceWork, id: string): OpenElection | undefined {
  const row = elections.get(id);
  if (row === undefined) return undefined;
  const { state, opensMs, closesMs, owner } = row;
  return { isOpen: state === "open", opensMs, closesMs, owner };
}
