/** What players ask. Answered from the database, without a lock. */
import { create } from "@bufbuild/protobuf";
import { type MessageHandler, onCommand } from "@hexhold/domain";
import {
  CandidateSchema,
  ContributionSchema,
  ContributionsSchema,
  ElectionsSchema,
  ElectionViewSchema,
  GetContributionsSchema,
  GetElectionSchema,
  GetOwnershipSchema,
  GetReputationSchema,
  HexReputationSchema,
  ListElectionsSchema,
  OwnershipSchema,
  OwnershipsSchema,
  ReputationSchema,
} from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import { dayOf, faded } from "../rules/points.ts";
import { weightsOf } from "../rules/tally.ts";
import {
  lastBallot,
  readCandidates,
  readElection,
  readElections,
  readElectors,
  readLastBallots,
  weightOf,
} from "../store/election-rows.ts";
import { ownershipsOf } from "../store/hex-rows.ts";
import { contributionsOf, reputationOf } from "../store/reputation-rows.ts";
import type { GovernanceWork } from "../work/governance-work.ts";
import { accountBytes, causeNumbers, electionMessage } from "./election-message.ts";
import { refused } from "./refused.ts";

const electionsDefault = 20;
const reputationDefault = 50;
const ownershipsDefault = 20;
const contributionsDefault = 50;
const lastId = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const lastNumber = 2n ** 63n - 1n;

export function reads(fadePerMille: bigint): readonly MessageHandler<GovernanceWork>[] {
  return [
    onCommand(GetElectionSchema, async (transaction, { message, envelope }) => {
      const row = await readElection(transaction, message.election);
      if (row === undefined) return refused("unknown-election");
      const account = uuidText(envelope.accountId);
      const candidates = await readCandidates(transaction, row.id);
      // The count is told when it is over: nobody waits for it to see which way to turn.
      const weights =
        row.state === "open"
          ? new Map<string, bigint>()
          : weightsOf(
              await readLastBallots(transaction, row.id),
              await readElectors(transaction, row.id),
            );
      const own = await lastBallot(transaction, row.id, account);
      const result = create(ElectionViewSchema, {
        election: electionMessage(row),
        candidates: candidates.map(({ account: candidate, name, words }) =>
          create(CandidateSchema, {
            accountId: uuidBytes(candidate),
            name,
            words,
            weight: weights.get(candidate) ?? 0n,
          }),
        ),
        ownWeight: await weightOf(transaction, row.id, account),
        ownVote: accountBytes(own?.candidate),
      });
      return { kind: "applied", result };
    }),

    onCommand(ListElectionsSchema, async (transaction, { message }) => {
      const limit = message.limit || electionsDefault;
      // One more than asked for tells whether there is another page.
      const rows = await readElections(transaction, message.hex, {
        before: message.before || lastId,
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const result = create(ElectionsSchema, {
        elections: page.map(electionMessage),
        nextBefore: rows.length > limit ? page.at(-1)!.id : "",
      });
      return { kind: "applied", result };
    }),

    onCommand(
      GetReputationSchema,
      async (transaction, { message, envelope }, work: GovernanceWork) => {
        const { hex, offset } = message;
        const limit = message.limit || reputationDefault;
        const asked = message.accountId.length === 16 ? message.accountId : envelope.accountId;
        const today = dayOf(BigInt(work.nowMs));
        const all = (await reputationOf(transaction, uuidText(asked)))
          .map((of) => ({
            hex: of.hex,
            points: faded(of.points, of.day, today, fadePerMille),
          }))
          .filter(({ points }) => points > 0n)
          .toSorted((a, b) =>
            a.points === b.points ? (a.hex < b.hex ? -1 : 1) : a.points > b.points ? -1 : 1,
          );
        const wanted = hex === "" ? all : all.filter((of) => of.hex === hex);
        const page = wanted.slice(offset, offset + limit);
        const result = create(ReputationSchema, {
          hexes: page.map((of) => create(HexReputationSchema, of)),
          worldPoints: all.reduce((sum, { points }) => sum + points, 0n),
          nextOffset: offset + limit < wanted.length ? offset + limit : 0,
        });
        return { kind: "applied", result };
      },
    ),

    onCommand(GetOwnershipSchema, async (transaction, { message }) => {
      const limit = message.limit || ownershipsDefault;
      const rows = await ownershipsOf(transaction, message.hex, {
        before: message.before || lastNumber,
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const result = create(OwnershipsSchema, {
        ownerships: page.map((row) =>
          create(OwnershipSchema, {
            number: row.number,
            owner: accountBytes(row.owner),
            name: row.name,
            election: row.election,
            cause: causeNumbers[row.cause],
            fromMs: BigInt(row.fromMs),
            untilMs: BigInt(row.untilMs),
            appliedMs: BigInt(row.appliedMs),
          }),
        ),
        nextBefore: rows.length > limit ? page.at(-1)!.number : 0n,
      });
      return { kind: "applied", result };
    }),

    onCommand(GetContributionsSchema, async (transaction, { message, envelope }) => {
      const limit = message.limit || contributionsDefault;
      const rows = await contributionsOf(transaction, uuidText(envelope.accountId), {
        before: message.before || lastNumber,
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const result = create(ContributionsSchema, {
        contributions: page.map(({ hex, value, atMs, eventId }) =>
          create(ContributionSchema, { hex, value, atMs, eventId: uuidBytes(eventId) }),
        ),
        nextBefore: rows.length > limit ? page.at(-1)!.position : 0n,
      });
      return { kind: "applied", result };
    }),
  ];
}
