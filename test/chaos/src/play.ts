/** Load for faults: players that enter, gather and move until they are told to stop. */
import { create, toBinary } from "@bufbuild/protobuf";
import { EnterSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { GatherSchema, MoveSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { gatewayUrls, joinPlayer, type LoadPlayer, type World } from "@hexhold/testing";

export interface Play {
  readonly players: readonly LoadPlayer[];
  /** True: nothing but VOLATILE moves, until it is called with false. */
  onlyMoves(only: boolean): void;
  /** From now on a player waits `pauseMs` between two commands. */
  pace(pauseMs: number): void;
  /** Stops sending, and waits until every command has its final answer. */
  finish(): Promise<void>;
}

const enter = toBinary(EnterSchema, create(EnterSchema));
export const gather = (amount = 1n): Uint8Array =>
  toBinary(GatherSchema, create(GatherSchema, { resource: Resource.WOOD, amount }));
const moveTo = (x: number, y: number): Uint8Array =>
  toBinary(MoveSchema, create(MoveSchema, { x, y }));

/**
 * Brings `count` players into the world, each with a view of its own hex, and lets them play. `keys` are the
 * hexes to be born in, in turn; default: near the spawn cell.
 */
export async function startPlay(
  world: World,
  count: number,
  pauseMs = 0,
  keys: readonly string[] = [""],
): Promise<Play> {
  const gateways = gatewayUrls(world.status());
  const each = Math.ceil(count / keys.length);
  const minted = (await Promise.all(keys.map(async (key) => world.mint(each, key)))).flat();
  const players = await Promise.all(
    minted.map((player, i) =>
      joinPlayer([...gateways.slice(i % gateways.length), ...gateways], player),
    ),
  );
  let playing = true;
  let movesOnly = false;
  let restMs = pauseMs;
  const loops = players.map(async (player, i) => {
    player.subscribe();
    await player.command("cmd.hex.enter", enter);
    for (let n = 1; playing; n++) {
      if (movesOnly || n % 5 === 0) {
        await player.command("cmd.hex.move", moveTo((n * 37 + i) % 500, (n * 53) % 500), {
          volatileSeq: BigInt(n),
        });
      } else {
        await player.command("cmd.hex.gather", gather());
      }
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  });
  return {
    players,
    onlyMoves: (only) => void (movesOnly = only),
    pace: (ms) => void (restMs = ms),
    async finish() {
      playing = false;
      await Promise.all(loops);
    },
  };
}

/** Waits until each player's view agrees with a fresh read of its hex; returns those that never do. */
export async function viewsThatDiffer(
  world: World,
  players: readonly LoadPlayer[],
): Promise<string[]> {
  const { ws } = world.status().endpoints;
  const differing: string[] = [];
  for (const player of players) {
    const before = player.view;
    // A new subscription is a fresh full state; the view before it must have been the same.
    const seen = { xp: before.view?.xp, level: before.view?.level };
    const statesBefore = before.states;
    player.subscribe();
    const endMs = performance.now() + 5000;
    while (player.view.states === statesBefore && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const fresh = player.view.view;
    if (player.view.states === statesBefore)
      differing.push(`${player.player.key}: no state from ${ws}`);
    else if (fresh?.xp !== seen.xp || fresh?.level !== seen.level) {
      differing.push(
        `${player.player.key}: saw xp ${seen.xp} level ${seen.level}, is ${fresh?.xp} ${fresh?.level}`,
      );
    }
  }
  return differing;
}

/** First time after `fromMs` at which any player got a final answer, or Infinity. */
export function firstAnswerAfter(players: readonly LoadPlayer[], sentAfterMs: number): number {
  let first = Number.POSITIVE_INFINITY;
  for (const player of players) {
    for (const command of player.commands) {
      if (command.finalMs > sentAfterMs && command.finalMs < first) first = command.finalMs;
    }
  }
  return first;
}
