/**
 * Makes players in a development world. It stands in for the accounts service: it sends `cmd.hex.spawn` as
 * that service would, and signs the access token.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { createSendSpawn } from "@hexhold/accounts";
import { releaseVersion } from "@hexhold/config";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { diskOf, hexAt, type Key, keyText, parseKeyText } from "@hexhold/hex";
import {
  type Bus,
  createRequester,
  type RouteTable,
  uuidBytes,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { joinCluster, type JoinOptions } from "@hexhold/rpc";
import type { Logger } from "@hexhold/telemetry";
import type { AccessKeys } from "./access-keys.ts";

export interface PlayerMintOptions {
  readonly bus: Bus;
  readonly routers: JoinOptions["routers"];
  readonly controlToken: string;
  readonly controlUrl: string;
  readonly keys: AccessKeys;
  readonly logger: Logger;
}

export interface MintedPlayer {
  readonly accountId: string;
  readonly key: string;
  readonly token: string;
}

export interface MintRequest {
  readonly count: number;
  /** Key text; empty = near the spawn cell. */
  readonly key: string;
  /** Empty = new players. */
  readonly accountId: string;
  /** 0 = 15 minutes. */
  readonly ttlS: number;
}

export interface PlayerMint {
  /** Rejects with a ConnectError that says what was wrong. */
  mint(request: MintRequest): Promise<MintedPlayer[]>;
  stop(): Promise<void>;
}

const tokenTtlS = 900;
const attemptsMax = 40;
const concurrency = 64;
/** Where players are born unless asked otherwise: the hex of Berlin's centre, and those around it. */
const spawnCell = hexAt(52.52, 13.405);
const spawnRadius = 12;

export async function startPlayerMint(options: PlayerMintOptions): Promise<PlayerMint> {
  const { bus, keys } = options;
  const membership = await joinCluster({
    routers: options.routers,
    token: options.controlToken,
    instance: "host",
    kind: ProcessKind.TOOL,
    controlUrl: options.controlUrl,
    incarnation: uuidText(uuidv7Bytes()),
    version: releaseVersion,
    worldFormat: 1,
    amqpConnections: bus.connectionNames(),
    logger: options.logger,
  });
  let routes: RouteTable | undefined;
  const unwatch = membership.watchRoutes((table) => (routes = table));
  const requester = createRequester({ bus, name: "tool.host.mint" });
  const send = createSendSpawn({
    requester,
    routes: () => routes,
    worldNow: () => membership.worldNow(),
    producer: { service: "accounts", version: releaseVersion, instance: "host" },
  });

  /** Spawns until it is certain: the request id stays the same while the outcome is not. */
  const spawn = async (accountId: string, key: Key): Promise<"spawned" | "hex-full"> => {
    const requestId = uuidText(uuidv7Bytes(Math.floor(membership.worldNow())));
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const outcome = await send({ accountId, requestId, key });
      if (outcome !== "unsure") return outcome;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    throw new ConnectError(
      "no worker answered; is the world up? (hexctl status)",
      Code.Unavailable,
    );
  };

  const mintOne = async (
    wanted: Key | undefined,
    nth: number,
    ttlS: number,
  ): Promise<MintedPlayer> => {
    const accountId = uuidText(uuidv7Bytes(Math.floor(membership.worldNow())));
    const places = wanted === undefined ? nearby(nth) : [wanted];
    for (const key of places) {
      if ((await spawn(accountId, key)) === "hex-full") continue;
      return minted(accountId, keyText(key), ttlS);
    }
    throw new ConnectError("every hex there is full", Code.ResourceExhausted);
  };

  const minted = async (accountId: string, key: string, ttlS: number): Promise<MintedPlayer> => {
    const nowMs = membership.worldNow();
    const token = await keys.sign({ accountId, keyText: key, ttlS: ttlS || tokenTtlS, nowMs });
    return { accountId, key, token };
  };

  return {
    async mint({ count, key, accountId, ttlS }) {
      let wanted: Key | undefined;
      try {
        wanted = key === "" ? undefined : parseKeyText(key);
        if (accountId !== "") uuidBytes(accountId);
      } catch (error) {
        throw new ConnectError((error as Error).message, Code.InvalidArgument);
      }
      if (accountId !== "") {
        if (wanted === undefined || count !== 1) {
          throw new ConnectError(
            "another token for a player needs its key, and count 1",
            Code.InvalidArgument,
          );
        }
        return [await minted(accountId, key, ttlS)];
      }
      const players: MintedPlayer[] = [];
      for (let from = 0; from < count; from += concurrency) {
        const batch = Array.from({ length: Math.min(concurrency, count - from) }, (_, i) =>
          mintOne(wanted, from + i, ttlS),
        );
        players.push(...(await Promise.all(batch)));
      }
      return players;
    },
    async stop() {
      unwatch();
      requester.close();
      await membership.stop();
    },
  };
}

/** Hexes around the spawn cell; the n-th player begins to look at another one than the first. */
function nearby(nth: number): Key[] {
  const cells = diskOf(spawnCell, spawnRadius);
  const from = Math.floor(nth / 8) % cells.length;
  return [...cells.slice(from), ...cells.slice(0, from)].map((hexId) => ({ hexId, layerId: 0 }));
}
