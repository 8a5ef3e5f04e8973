/**
 * What one transaction of governance has in memory: the rows that it has locked, and what players are told once it is
 * committed. All messages of a batch name their rows first; those are locked together, table by table in the order that the
 * schema gives, then the messages are handled one by one.
 */
import type { DomainMessage, Transaction, Work } from "@hexhold/domain";
import type { Points } from "../rules/points.ts";
import type { Residence } from "../rules/residence.ts";
import { type ElectionRow, lockElections, lockElectors } from "../store/election-rows.ts";
import { hexesOf, lockHeads, lockResidents } from "../store/hex-rows.ts";
import { lockReputation, placeText } from "../store/reputation-rows.ts";
import type { NamesOf } from "./named-rows.ts";

export interface GovernanceWorkOptions {
  readonly namesOf: NamesOf;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
}

export class GovernanceWork implements Work {
  readonly #options: GovernanceWorkOptions;
  readonly #effects: (() => void)[] = [];
  /** Of the transaction: one for all of its messages. */
  readonly nowMs: number;
  /** Locked, by id. */
  elections: ReadonlyMap<string, ElectionRow> = new Map();
  /** Hexes whose heads are locked: where callers live. */
  heads: ReadonlySet<string> = new Set();
  /** Locked, by `placeText`; handlers put in what they have stored. */
  points: Map<string, Points> = new Map();
  /** Locked, by account; handlers put in what they have stored. */
  residents: Map<string, Residence> = new Map();

  constructor(options: GovernanceWorkOptions) {
    this.#options = options;
    this.nowMs = Math.floor(options.worldNow());
  }

  async prepare(transaction: Transaction, messages: readonly DomainMessage[]): Promise<void> {
    const named = messages.map(this.#options.namesOf);
    const elections = new Map<string, "shared" | "exclusive">();
    for (const { election } of named) {
      if (election === undefined || elections.get(election.id) === "exclusive") continue;
      elections.set(election.id, election.how);
    }
    const voters = named.flatMap(({ election, voter }) =>
      election === undefined || voter === undefined
        ? []
        : [{ election: election.id, account: voter }],
    );
    const calls = named.flatMap(({ call }) => call ?? []);
    this.elections = await lockElections(transaction, elections);
    await lockElectors(transaction, voters);
    if (calls.length > 0) {
      const lives = await hexesOf(
        transaction,
        calls.map(({ account }) => account),
      );
      // No row for a hex where nobody lives: its name may be anything.
      const hexes = calls.flatMap(({ account, hex }) => (lives.get(account) === hex ? hex : []));
      this.heads = new Set(hexes);
      await lockHeads(transaction, [...this.heads]);
    }
    const points = named.flatMap(({ points: places = [] }) => places);
    const places = new Map(points.map((place) => [placeText(place), place]));
    this.points = new Map(await lockReputation(transaction, [...places.values()]));
    const residents = new Set(named.flatMap(({ resident }) => resident ?? []));
    this.residents = new Map(await lockResidents(transaction, [...residents]));
  }

  /** `effect` is run when the transaction is committed, and only then. It never throws. */
  afterCommit(effect: () => void): void {
    this.#effects.push(effect);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  committed(): void {
    for (const effect of this.#effects) effect();
  }

  rolledBack(): void {
    this.#effects.length = 0;
  }
}
