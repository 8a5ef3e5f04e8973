/**
 * The hex half of docs/models, Take, with the rules of sites: random commands, answers of an inventory in any order, any
 * number of times, with cancels. The inventory is the model's: it keeps a record of each step.
 */
import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { Decision, OutgoingCommand } from "@hexhold/actor";
import { playerId } from "@hexhold/actor/testing";
import {
  type Give,
  GiveSchema,
  type Take,
  TakeSchema,
} from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import {
  ContributeSchema,
  GatherSchema,
  GiveUpSiteSchema,
  PlanSiteSchema,
  SetTaxSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import type {
  Contributed,
  Gathered,
  SiteStarted,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { HexStateSchema, Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import type { TakeEnded } from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { assetOf } from "./formulas.ts";
import { answer, givenLandOf, landGame, type LandHex, setOwner } from "./land.testing.ts";
import { creditOfGathered } from "./ledger.ts";

const game = landGame({
  taxDelayMs: 1000,
  taxPerMilleMax: 1000,
  levelBase: 100,
  sites: { dwelling: { needs: { wood: 4, food: 2 }, buildMs: 2000 } },
});
const players = 3;
const resources = [Resource.WOOD, Resource.FOOD, Resource.STONE];
const goodsAtFirst = 40n;

/** What the inventory of the model has. */
interface Inventory {
  readonly goods: Map<string, bigint>;
  readonly records: Map<string, { readonly take: Take; readonly taken: boolean }>;
  readonly given: Set<string>;
  /** What was sent to it, for ever: it may come in any order, any number of times. */
  readonly mail: OutgoingCommand[];
  /** Its answers, likewise. */
  readonly answers: { readonly takeId: Uint8Array; readonly taken: boolean }[];
}

/** A hex and an inventory, each of which does something when it is told to. Throws when what must hold does not. */
export class World {
  readonly hex: LandHex;
  readonly inventory: Inventory;
  /** The journal. */
  readonly events: {
    readonly schema: Parameters<typeof fromBinary>[0];
    readonly bytes: Uint8Array;
  }[] = [];
  /** What each contribution came to. */
  readonly ends = new Map<string, ("refused" | "counted" | "owed back")[]>();
  readonly asked = new Map<string, Take>();
  constructor() {
    this.hex = givenLandOf(game, players);
    this.inventory = {
      goods: new Map(),
      records: new Map(),
      given: new Set(),
      mail: [],
      answers: [],
    };
    for (let n = 1; n <= players; n++) {
      for (const resource of resources)
        this.inventory.goods.set(purse(playerId(n), assetOf(resource)), goodsAtFirst);
    }
  }

  /** Takes down what a decision brought about. */
  note(decision: Decision): void {
    if (decision.kind === "refused") return;
    for (const { schema, message } of decision.events) {
      this.events.push({ schema, bytes: toBinary(schema, message) });
      this.#noteEvent(message);
    }
    for (const message of decision.messages ?? []) {
      this.inventory.mail.push(message);
      if (message.schema === TakeSchema) {
        const take = message.message as Take;
        this.asked.set(String(take.takeId), take);
      }
    }
    const ended = decision.events.find(({ message }) => message.$typeName.endsWith(".TakeEnded"));
    if (ended === undefined) return;
    const { takeId, giveId } = ended.message as TakeEnded;
    const counted = decision.events.some(({ message }) =>
      /\.(Contributed|SiteSupplied)$/.test(message.$typeName),
    );
    const end = counted ? "counted" : giveId.length > 0 ? "owed back" : "refused";
    const key = String(takeId);
    this.ends.set(key, [...(this.ends.get(key) ?? []), end]);
  }

  #noteEvent(message: Message): void {
    if (message.$typeName.endsWith(".Gathered")) {
      const gathered = message as Gathered;
      const { postings } = creditOfGathered(gathered);
      const minted = postings.reduce((sum, { amount }) => sum + (amount > 0n ? amount : 0n), 0n);
      if (minted !== gathered.amount)
        throw new Error(`${minted} is credited of ${gathered.amount}`);
    }
  }

  /** The inventory handles one of the messages that it was ever sent. */
  handle({ schema, message }: OutgoingCommand, isShort: boolean): void {
    const { goods, records, given, answers } = this.inventory;
    if (schema === GiveSchema) {
      const { giveId, accountId, asset, amount } = message as Give;
      if (given.has(String(giveId))) return;
      given.add(String(giveId));
      const at = purse(accountId, asset);
      goods.set(at, (goods.get(at) ?? 0n) + amount);
      return;
    }
    const { takeId } = message as Take;
    const known = records.get(String(takeId));
    if (known !== undefined) return void answers.push({ takeId, taken: known.taken });
    const take = this.asked.get(String(takeId))!;
    const at = purse(take.accountId, take.asset);
    const left = (goods.get(at) ?? 0n) - take.amount;
    const taken = schema === TakeSchema && left >= 0n && !isShort;
    if (taken) goods.set(at, left);
    records.set(String(takeId), { take, taken });
    answers.push({ takeId, taken });
  }

  act(kind: number, a: number, b: number): void {
    const { hex, inventory } = this;
    const by = 1 + (a % players);
    const siteId = hex.parts.durable.site?.siteId ?? new Uint8Array(16);
    switch (kind) {
      case 0:
      case 1:
      case 2: {
        const resource = resources[b % 3]!;
        const forSite = kind === 0 ? {} : { siteId };
        const amount = BigInt(1 + (b % 5));
        return this.note(hex.when(ContributeSchema, { resource, amount, ...forSite }, by));
      }
      case 3:
      case 4: {
        const message = inventory.mail.at(-1 - (b % Math.max(inventory.mail.length, 1)));
        return message === undefined ? undefined : this.handle(message, a % 7 === 0);
      }
      case 5:
      case 6: {
        const said = inventory.answers.at(-1 - (b % Math.max(inventory.answers.length, 1)));
        return said === undefined ? undefined : this.note(answer(hex, said, said.taken));
      }
      case 7:
        return this.note(hex.when(PlanSiteSchema, { kind: SiteKind.DWELLING }, by));
      case 8:
        // Seldom, or no site would be built.
        return b % 4 > 0 ? undefined : this.note(hex.when(GiveUpSiteSchema, { siteId }, by));
      case 9: {
        const due = hex.whenDue();
        return due === undefined ? undefined : this.note(due);
      }
      case 10: {
        const decision =
          b % 3 === 0
            ? setOwner(hex, b % 4, 5000)
            : hex.when(SetTaxSchema, { ratePerMille: (a * 37) % 1001 }, by);
        hex.nowMs += 700;
        return this.note(decision);
      }
      default: {
        hex.nowMs += 100;
        const wanted = { resource: resources[b % 3]!, amount: BigInt(1 + (b % 9)) };
        return this.note(hex.when(GatherSchema, wanted, by));
      }
    }
  }

  /** What must hold at every moment. */
  check(): void {
    const { site, pending } = this.hex.parts.durable;
    const open = [...this.asked.keys()].filter((id) => !this.ends.has(id)).length;
    if (pending.length !== open) throw new Error(`${pending.length} are pending, not ${open}`);
    for (const { need, got, resource } of site?.needs ?? []) {
      const coming = pending
        .filter((take) => String(take.siteId) === String(site!.siteId))
        .filter(({ asset }) => asset === assetOf(resource))
        .reduce((sum, { amount }) => sum + amount, 0n);
      if (got + coming > need) throw new Error(`${got} + ${coming} of ${need}`);
      const shares = site!.shares.filter((share) => share.resource === resource);
      const brought = shares.reduce((sum, { amount }) => sum + amount, 0n);
      if (brought !== got) throw new Error(`${brought} was brought, and ${got} counted`);
    }
    for (const [id, ends] of this.ends) {
      if (ends.length !== 1) throw new Error(`contribution ${id}: ${ends.join(", ")}`);
    }
  }

  /** The inventory comes to rest: everything that was sent arrives, and is answered. */
  settle(): void {
    const { inventory, hex } = this;
    for (let handled = 0; handled < inventory.mail.length; handled++) {
      this.handle(inventory.mail[handled]!, false);
      const answers = inventory.answers.splice(0);
      for (const said of answers) this.note(answer(hex, said, said.taken));
    }
  }

  /** What must hold when all is quiet: nothing is pending, and no unit is lost or doubled. */
  checkRest(): void {
    if (this.ends.size !== this.asked.size) throw new Error("a contribution has no end");
    const kept = new Map<string, bigint>();
    const keep = (accountId: Uint8Array, asset: string, amount: bigint): void => {
      const at = purse(accountId, asset);
      kept.set(at, (kept.get(at) ?? 0n) + amount);
    };
    // What was given to the hex, what was built, and what lies in the open site.
    for (const { schema, bytes } of this.events) {
      if (schema.typeName.endsWith(".Contributed")) {
        const { accountId, resource, amount } = fromBinary(schema, bytes) as Contributed;
        keep(accountId, assetOf(resource), amount);
      } else if (schema.typeName.endsWith(".SiteStarted")) {
        for (const { accountId, brought } of (fromBinary(schema, bytes) as SiteStarted)
          .contributors) {
          for (const { resource, amount } of brought) keep(accountId, assetOf(resource), amount);
        }
      }
    }
    const { site } = this.hex.parts.durable;
    if (site?.startedMs === 0n) {
      for (const { accountId, resource, amount } of site.shares)
        keep(accountId, assetOf(resource), amount);
    }
    for (const [at, amount] of this.inventory.goods) {
      const all = amount + (kept.get(at) ?? 0n);
      if (all !== goodsAtFirst) throw new Error(`${at}: ${all}, not ${goodsAtFirst}`);
    }
  }

  /** The journal folds to the state. */
  checkFold(): void {
    let parts = givenLandOf(game, players).parts;
    for (const { schema, bytes } of this.events) {
      parts = game.hex.evolve(parts, fromBinary(schema, bytes)) as LandHex["parts"];
    }
    const folded = Buffer.from(toBinary(HexStateSchema, parts.durable));
    if (!folded.equals(toBinary(HexStateSchema, this.hex.parts.durable))) {
      throw new Error("the journal folds to another state");
    }
  }
}

function purse(accountId: Uint8Array, asset: string): string {
  return `${accountId[0]} ${asset}`;
}
