/** What players do with the land while an economy is struck: give, plan, give up, and walk to the hexes beside theirs. */
import { setTimeout as pause } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { TransferSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import {
  ContributeSchema,
  GiveUpSiteSchema,
  PlanSiteResultSchema,
  PlanSiteSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { diskOf, type Key, keyText } from "@hexhold/hex";
import type { LoadPlayer, PlayedCommand } from "@hexhold/testing";

export interface Settler {
  readonly player: LoadPlayer;
  /** Where it lives now. */
  at: Key;
}

/** Sites that are open, as far as anybody knows: by hex. */
export type KnownSites = Map<string, Uint8Array>;

/** Options of a world in which sites are small, and can be planned at once. */
export const landOptions = {
  HEXHOLD_GAME__OPTIONS__SITES: JSON.stringify({
    dwelling: { levelMin: 0, buildMs: 3_000, needs: { wood: 60, stone: 40, food: 0 } },
  }),
};

const goods = [Resource.WOOD, Resource.STONE];
type Random = (below: number) => number;

function send({ player, at }: Settler, type: string, payload: Uint8Array): Promise<PlayedCommand> {
  return player.command(type, payload, { key: at });
}

export const landActs = {
  /** To the open site of the hex, if one is known; else to the hex itself. */
  async contribute(settler: Settler, random: Random, sites: KnownSites): Promise<void> {
    const siteId = random(4) === 0 ? undefined : sites.get(keyText(settler.at));
    const wanted = create(ContributeSchema, {
      resource: goods[random(goods.length)]!,
      amount: BigInt(1 + random(12)),
      ...(siteId === undefined ? {} : { siteId }),
    });
    await send(settler, "cmd.hex.contribute", toBinary(ContributeSchema, wanted));
  },
  async plan(settler: Settler, _random: Random, sites: KnownSites): Promise<void> {
    const payload = toBinary(PlanSiteSchema, create(PlanSiteSchema, { kind: SiteKind.DWELLING }));
    const { answer } = await send(settler, "cmd.hex.plan-site", payload);
    if (answer?.outcome.case !== "applied") return;
    const { siteId } = fromBinary(PlanSiteResultSchema, answer.outcome.value.result);
    sites.set(keyText(settler.at), siteId);
  },
  async giveUp(settler: Settler, _random: Random, sites: KnownSites): Promise<void> {
    const siteId = sites.get(keyText(settler.at));
    if (siteId === undefined) return;
    const payload = toBinary(GiveUpSiteSchema, create(GiveUpSiteSchema, { siteId }));
    await send(settler, "cmd.hex.give-up-site", payload);
  },
  /** To a hex beside its first one, or back; where it is in the end is where it is found. */
  async cross(settler: Settler, random: Random): Promise<void> {
    const home = settler.player.key;
    const around = diskOf(home.hexId, 1).map((hexId): Key => ({ ...home, hexId }));
    const isHome = settler.at.hexId === home.hexId;
    const to = isHome ? around[1 + random(2)]! : home;
    const transfer = create(TransferSchema, { toHexId: to.hexId, toLayerId: to.layerId });
    await send(settler, "cmd.hex.transfer", toBinary(TransferSchema, transfer));
    const from = settler.at;
    for (;;) {
      for (const at of [to, from]) {
        const { outcomes } = await send({ ...settler, at }, "cmd.hex.locate", new Uint8Array(0));
        if (outcomes.at(-1) !== "applied") continue;
        settler.at = at;
        return;
      }
      await pause(100);
    }
  },
};
