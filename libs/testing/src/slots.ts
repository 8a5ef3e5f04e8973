/** Slots of a world under test: who owns them, and how long each was without answers. */
import { setTimeout as pause } from "node:timers/promises";
import { AdminService } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { diskOf, hexAt, keyText, partitionOf, slotOfPartition } from "@hexhold/hex";
import { openChannel } from "@hexhold/rpc";
import { giveUpMsDefault, type LoadPlayer, type PlayedCommand } from "./load-player.ts";
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

/** The commands of a player that may have been answered at `fromMs` or later, latest first; never all of a long run. */
function* commandsSince(player: LoadPlayer, fromMs: number): Generator<PlayedCommand> {
  const { commands } = player;
  for (let i = commands.length - 1; i >= 0; i--) {
    const command = commands[i]!;
    if (command.firstSentMs < fromMs - giveUpMsDefault) return;
    if (command.finalMs === 0 || command.finalMs >= fromMs) yield command;
  }
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
    for (const { answer, finalMs } of commandsSince(player, fromMs)) {
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
    for (const { answer, finalMs } of commandsSince(player, fromMs)) {
      const decided = answer?.outcome.case === "applied" || answer?.outcome.case === "refused";
      if (decided && finalMs > fromMs) firstMs = Math.min(firstMs, finalMs - fromMs);
    }
    first.set(slot, firstMs);
  }
  return first;
}

/** The longest pause in each slot between two moments, see {@link longestPause}. */
export function longestPauses(
  players: readonly LoadPlayer[],
  fromMs: number,
  toMs: number,
): Map<string, number> {
  const waits = new Map<string, Wait[]>();
  for (const player of players) {
    const slot = slotOf(player);
    const list = waits.get(slot) ?? [];
    waits.set(slot, list);
    for (const { firstSentMs, finalMs } of commandsSince(player, fromMs)) {
      list.push({ sentMs: firstSentMs, answeredMs: finalMs === 0 ? Infinity : finalMs });
    }
  }
  return new Map([...waits].map(([slot, list]) => [slot, longestPause(list, fromMs, toMs)]));
}

/** A command from its first send to its final answer; Infinity = it has none. */
export interface Wait {
  readonly sentMs: number;
  readonly answeredMs: number;
}

/**
 * The longest time between two moments in which somebody waited for an answer and nobody got one. While nobody
 * asks, nobody is kept waiting: players that rest between two commands make no pause.
 */
export function longestPause(waits: readonly Wait[], fromMs: number, toMs: number): number {
  const latestFirst = waits.toSorted((a, b) => b.answeredMs - a.answeredMs);
  let longest = 0;
  let endMs = toMs;
  // Sent first of all that have no answer before `endMs`.
  let waitingSinceMs = Number.POSITIVE_INFINITY;
  for (const { sentMs, answeredMs } of latestFirst) {
    if (answeredMs <= fromMs) break;
    if (answeredMs < endMs) {
      longest = Math.max(longest, endMs - Math.max(answeredMs, waitingSinceMs));
      endMs = answeredMs;
    }
    waitingSinceMs = Math.min(waitingSinceMs, sentMs);
  }
  return Math.max(longest, endMs - Math.max(fromMs, waitingSinceMs));
}
