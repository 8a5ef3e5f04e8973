/** The way of every player through the world, as the journal tells it. */
import type { Message } from "@bufbuild/protobuf";
import type {
  ArrivalRefused,
  PlayerArrived,
  PlayerDeparted,
  PlayerReturned,
} from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { uuidText } from "@hexhold/messaging";
import { withPostgres } from "@hexhold/testing";
import { foldHexes } from "../fold-journal.ts";

export interface TransferReport {
  readonly transfers: number;
  readonly arrived: number;
  readonly returned: number;
  /** Questions at a deadline. */
  readonly queried: number;
  readonly inTransit: number;
  /** Every promise that does not hold, in words. */
  readonly faults: readonly string[];
}

interface Way {
  /** By number of the transfer, with the hex in which each happened. */
  readonly departures: Map<bigint, { at: bigint; to: bigint }[]>;
  readonly ends: Map<bigint, { at: bigint; arrived: boolean }[]>;
  born: bigint | undefined;
}

/**
 * Per player departures and ends alternate: transfer n begins where n − 1 ended, and has exactly one end, an arrival
 * where it went or a return to where it began. At rest exactly one hex has the player, none has it in transit, and no
 * timer is armed.
 */
export async function checkTransfers(adminUrl: string): Promise<TransferReport> {
  const armed = await withPostgres(adminUrl, async (client) => {
    const { rows } = await client.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM world.timer",
    );
    return rows[0]?.n ?? 0;
  });
  const faults: string[] = [];
  const ways = new Map<string, Way>();
  const living = new Map<string, bigint[]>();
  let queried = 0;
  let inTransit = 0;
  for (const { hexId: at, events, durable } of await foldHexes(adminUrl)) {
    for (const event of events) {
      if (event.$typeName === "hexhold.hex.v1.TransferQueried") queried++;
      note(ways, at, event);
    }
    inTransit += durable.transits.length;
    for (const { playerId } of durable.residents) {
      const player = uuidText(playerId);
      living.set(player, [...(living.get(player) ?? []), at]);
    }
  }
  let transfers = 0;
  let arrived = 0;
  for (const [player, { departures, ends, born }] of ways) {
    let place = born;
    for (let number = 1n; number <= BigInt(departures.size); number++) {
      const [departure, ...more] = departures.get(number) ?? [];
      const found = ends.get(number) ?? [];
      if (departure === undefined || more.length > 0) {
        faults.push(`${player}: ${more.length + 1} departures ${number}, not 1`);
        continue;
      }
      transfers++;
      if (departure.at !== place) faults.push(`${player}: departure ${number} from elsewhere`);
      if (found.length !== 1)
        faults.push(`${player}: departure ${number} has ${found.length} ends`);
      for (const end of found) {
        if (end.arrived) arrived++;
        place = end.at;
        if (end.at !== (end.arrived ? departure.to : departure.at))
          faults.push(`${player}: transfer ${number} ended in a wrong hex`);
      }
    }
    if (ends.size > departures.size) faults.push(`${player}: ends without departures`);
    const lives = living.get(player) ?? [];
    if (lives.length !== 1) faults.push(`${player} lives in ${lives.length} hexes`);
    else if (lives[0] !== place) faults.push(`${player} lives where no transfer took it`);
  }
  if (inTransit > 0) faults.push(`${inTransit} players are in transit`);
  if (armed !== inTransit) faults.push(`${armed} timers are armed for ${inTransit} transits`);
  return { transfers, arrived, returned: transfers - arrived, queried, inTransit, faults };
}

function note(ways: Map<string, Way>, at: bigint, message: Message): void {
  const event = message as PlayerDeparted | PlayerArrived | PlayerReturned | ArrivalRefused;
  const wayOf = (playerId: Uint8Array): Way => {
    const player = uuidText(playerId);
    const way = ways.get(player) ?? { departures: new Map(), ends: new Map(), born: undefined };
    ways.set(player, way);
    return way;
  };
  const put = <T>(map: Map<bigint, T[]>, number: bigint, item: T): void => {
    map.set(number, [...(map.get(number) ?? []), item]);
  };
  switch (event.$typeName) {
    case "hexhold.hex.v1.PlayerDeparted":
      put(wayOf(event.playerId).departures, event.number, { at, to: event.toHexId });
      break;
    case "hexhold.hex.v1.PlayerArrived":
    case "hexhold.hex.v1.PlayerReturned": {
      const arrived = event.$typeName === "hexhold.hex.v1.PlayerArrived";
      put(wayOf(event.playerId).ends, event.number, { at, arrived });
      break;
    }
    default:
      if (message.$typeName === "hexhold.hex.v1.PlayerSpawned") {
        wayOf((message as unknown as PlayerReturned).playerId).born = at;
      }
  }
}
