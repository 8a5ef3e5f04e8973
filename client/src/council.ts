/** Reputation, and elections of the owners of hexes, as a player of a session sees and makes them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type CallElection,
  CallElectionSchema,
  type ElectionView,
  type GetContributions,
  GetContributionsSchema,
  type GetElection,
  GetElectionSchema,
  type GetOwnership,
  GetOwnershipSchema,
  type GetReputation,
  GetReputationSchema,
  type ListElections,
  ListElectionsSchema,
  type Ownership,
  type Stand,
  StandSchema,
  type Vote,
  VoteSchema,
} from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import {
  ElectionCalledSchema,
  ElectionDecidedSchema,
} from "@hexhold/gen/hexhold/governance/v1/events_pb";
import { type Key, keyText } from "@hexhold/hex";
import type { Client, SendOptions } from "./client.ts";
import { typeOfEvent } from "./contract-of.ts";
import { healing, type Read, readOf, unordered, type WatchOptions } from "./healing.ts";
import type { OutcomeOf } from "./outcome.ts";

export interface CouncilState {
  /** The newest one of the hex, over or open; undefined: there was none. Its turnout is as new as the state. */
  readonly election: ElectionView | undefined;
  /** The newest one of the hex, in term or not (`untilMs`); undefined: it has never had an owner. */
  readonly ownership: Ownership | undefined;
}

export interface Council {
  /**
   * Follows a hex that the client is subscribed to: its newest election and owner, read again when one is called or decided,
   * and every 60 s (`readEveryMs`). Throws a {@link WatchError} when the hex is not among those that the session watches.
   */
  watch(hex: Key, options?: WatchOptions): AsyncIterableIterator<CouncilState>;
  /** Calls an election in the hex where the player lives. */
  call(hex: Key, options?: SendOptions): Promise<OutcomeOf<CallElection>>;
  stand(election: string, words?: string, options?: SendOptions): Promise<OutcomeOf<Stand>>;
  /** @param candidate its account, 16 bytes. A later vote replaces an earlier one. */
  vote(election: string, candidate: Uint8Array, options?: SendOptions): Promise<OutcomeOf<Vote>>;
  election(election: string, options?: SendOptions): Promise<OutcomeOf<GetElection>>;
  /** A page of elections, the newest first: 20 unless `limit` (at most 100) says otherwise. */
  elections(
    hex: Key,
    page?: Page<typeof ListElectionsSchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<ListElections>>;
  /** Points of an account, by default one's own, in each hex and in the world. */
  reputation(
    page?: MessageInitShape<typeof GetReputationSchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<GetReputation>>;
  /** A page of owners, the newest first: 20 unless `limit` (at most 100) says otherwise. */
  ownership(
    hex: Key,
    page?: Page<typeof GetOwnershipSchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<GetOwnership>>;
  /** A page of one's own contributions, the newest first: 50 unless `limit` (at most 100) says otherwise. */
  contributions(
    page?: MessageInitShape<typeof GetContributionsSchema>,
    options?: SendOptions,
  ): Promise<OutcomeOf<GetContributions>>;
}

/** What a page is asked by, besides the hex. */
type Page<S extends typeof ListElectionsSchema | typeof GetOwnershipSchema> = Omit<
  MessageInitShape<S>,
  "hex" | "$typeName"
>;

const changes: ReadonlySet<string> = new Set([
  typeOfEvent(ElectionCalledSchema),
  typeOfEvent(ElectionDecidedSchema),
]);

export function createCouncil(client: Pick<Client<unknown>, "listen" | "send">): Council {
  async function read(hex: string): Promise<Read<CouncilState>> {
    const newest = { hex, limit: 1 };
    const owners = await client.send(GetOwnershipSchema, undefined, newest, unordered);
    if (owners.outcome !== "applied") return readOf<never, CouncilState>(owners, never);
    const elections = await client.send(ListElectionsSchema, undefined, newest, unordered);
    if (elections.outcome !== "applied") return readOf<never, CouncilState>(elections, never);
    const [ownership] = owners.result.ownerships;
    const [last] = elections.result.elections;
    if (last === undefined) {
      return { kind: "state", state: { election: undefined, ownership } };
    }
    const view = await client.send(
      GetElectionSchema,
      undefined,
      { election: last.election },
      unordered,
    );
    return readOf(view, (election) => ({ election, ownership }));
  }

  return {
    watch(hex, options) {
      const text = keyText(hex);
      return healing<CouncilState>(
        client,
        {
          topic: `council/${text}`,
          read: () => read(text),
          // It has no number: what was read may be newer.
          apply: (_, { type }) => (changes.has(type) ? "hole" : "old"),
          seqOf: () => 0n,
        },
        options,
      );
    },
    call: (hex, options) =>
      client.send(CallElectionSchema, undefined, { hex: keyText(hex) }, options),
    stand: (election, words = "", options) =>
      client.send(StandSchema, undefined, { election, words }, options),
    vote: (election, candidate, options) =>
      client.send(VoteSchema, undefined, { election, candidate }, options),
    election: (election, options) =>
      client.send(GetElectionSchema, undefined, { election }, options),
    elections: (hex, page, options) =>
      client.send(ListElectionsSchema, undefined, { ...page, hex: keyText(hex) }, options),
    reputation: (page, options) => client.send(GetReputationSchema, undefined, page, options),
    ownership: (hex, page, options) =>
      client.send(GetOwnershipSchema, undefined, { ...page, hex: keyText(hex) }, options),
    contributions: (page, options) => client.send(GetContributionsSchema, undefined, page, options),
  };
}

/** Of an outcome that has no result. */
function never(): never {
  throw new TypeError("a result of what was not applied");
}
