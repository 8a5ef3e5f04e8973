/** Slots of a world under test: who owns them, and how long each was without answers. */
import { setTimeout as pause } from "node:timers/promises";
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { diskOf, hexAt, keyText, partitionOf, slotOfPartition } from "@hexhold/hex";
import { openChannel } from "@hexhold/rpc";
import type { LoadPlayer } from "./load-player.ts";
import type { World } from "./start-world.ts";

/** Of a world in development. */
const partitions = 8;
const spreadMsMax = 40_000;

export interface OwnedSlot {
  readonly slot: string;
  readonly owner: string;
  readonly epoch: bigint;
  readonly served: boolean;
}

export async function slotsOf(world: World): Promise<OwnedSlot[]> {
  const { endpoints, adminToken } = world.status();
  const channel = openChannel(endpoints.admin, { token: adminToken, callTimeoutMs: 2000 });
  try {
    const { partitions: rows } = await channel.client(AdminService).listPartitions({});
    return rows.map(({ slot, owner, epoch, health }) => ({
      slot,
      owner,
      epoch,
      served: health === "ok",
    }));
  } finally {
    channel.close();
  }
}

/** Waits until every slot is served and no worker has two more than another; throws after 40 s. */
export async function untilSpread(world: World, workers: readonly string[]): Promise<OwnedSlot[]> {
  const endMs = performance.now() + spreadMsMax;
  for (;;) {
    const slots = await slotsOf(world).catch(() => []);
    const counts = workers.map((name) => slots.filter(({ owner }) => owner === name).length);
    const isSpread =
      slots.length === partitions &&
      slots.every(({ served }) => served) &&
      Math.max(...counts) - Math.min(...counts) <= 1;
    if (isSpread) return slots;
    if (performance.now() > endMs) {
      const seen = slots.map(({ slot, owner, served }) => `${slot} ${owner} ${served}`);
      throw new Error(`slots are not spread over ${workers.join(", ")}: ${seen.join("; ")}`);
    }
    await pause(100);
  }
}

/** Key texts near the spawn cell, one in each slot. */
export function oneHexPerSlot(): string[] {
  const found = new Map<number, string>();
  for (const hexId of diskOf(hexAt(52.5, 13.4), 6)) {
    const key = { hexId, layerId: 0 };
    const partition = partitionOf(key, partitions);
    if (!found.has(partition)) found.set(partition, keyText(key));
  }
  return [...found.values()];
}

export function slotOf(player: LoadPlayer): string {
  return slotOfPartition(partitionOf(player.key, partitions));
}

/** Milliseconds from `fromMs` to the first answer that an owner later than `epoch` gave in `slot`. */
export function firstAnswerOfNext(
  players: readonly LoadPlayer[],
  slot: string,
  epoch: bigint,
  fromMs: number,
): number {
  let first = Number.POSITIVE_INFINITY;
  for (const player of players) {
    if (slotOf(player) !== slot) continue;
    for (const { answer, finalMs } of player.commands) {
      if (answer !== undefined && answer.epoch > epoch && finalMs < first) first = finalMs;
    }
  }
  return first - fromMs;
}

/** Milliseconds from `fromMs` to the first command of each slot that was decided after it; Infinity = none. */
export function firstDecisions(
  players: readonly LoadPlayer[],
  fromMs: number,
): Map<string, number> {
  const first = new Map<string, number>();
  for (const player of players) {
    const slot = slotOf(player);
    let firstMs = first.get(slot) ?? Number.POSITIVE_INFINITY;
    for (const { answer, finalMs } of player.commands) {
      const decided = answer?.outcome.case === "applied" || answer?.outcome.case === "refused";
      if (decided && finalMs > fromMs) firstMs = Math.min(firstMs, finalMs - fromMs);
    }
    first.set(slot, firstMs);
  }
  return first;
}

/** The longest time without a final answer in each slot between two moments. */
export function longestPauses(
  players: readonly LoadPlayer[],
  fromMs: number,
  toMs: number,
): Map<string, number> {
  const times = new Map<string, number[]>();
  for (const player of players) {
    const slot = slotOf(player);
    const list = times.get(slot) ?? [fromMs, toMs];
    times.set(slot, list);
    for (const { finalMs } of player.commands) {
      if (finalMs > fromMs && finalMs < toMs) list.push(finalMs);
    }
  }
  return new Map(
    [...times].map(([slot, list]) => {
      const sorted = list.toSorted((a, b) => a - b);
      return [slot, Math.max(...sorted.slice(1).map((ms, i) => ms - sorted[i]!))];
    }),
  );
}
