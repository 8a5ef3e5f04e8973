/**
 * Makes players in a development world. It stands in for the accounts service: it sends `cmd.hex.spawn` as
 * that service would, and signs the access token.
 */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { createSendSpawn, type SendSpawn } from "@hexhold/accounts";
import { releaseVersion } from "@hexhold/config";
import { createOutbox } from "@hexhold/domain";
import {
  file_hexhold_accounts_v1_events,
  RegisteredSchema,
} from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { ProcessKind } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { type Key, keyText, parseKeyText } from "@hexhold/hex";
import {
  type Bus,
  createProducerRoutes,
  createRequester,
  domainQueueOf,
  encodeBatch,
  uuidBytes,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { joinCluster, type JoinOptions } from "@hexhold/rpc";
import { followRoutes } from "@hexhold/service";
import type { Logger } from "@hexhold/telemetry";
import type { AccessKeys } from "./access-keys.ts";

export interface PlayerMintOptions {
  readonly bus: Bus;
  readonly routers: JoinOptions["routers"];
  readonly controlToken: string;
  readonly controlUrl: string;
  readonly keys: AccessKeys;
  /** Where players are born unless asked otherwise, in the order in which they fill. */
  readonly hexes: readonly Key[];
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

type SpawnEnd = Exclude<Awaited<ReturnType<SendSpawn>>, "unsure">;

const tokenTtlS = 900;
const attemptsMax = 40;
const concurrency = 64;

export async function startPlayerMint(options: PlayerMintOptions): Promise<PlayerMint> {
  const { bus, keys } = options;
  const routes = createProducerRoutes();
  const membership = await joinCluster({
    acknowledgedRouteVersion: () => routes.acknowledged,
    routers: options.routers,
    token: options.controlToken,
    instance: "host",
    kind: ProcessKind.TOOL,
    controlUrl: options.controlUrl,
    incarnation: uuidText(uuidv7Bytes()),
    version: releaseVersion,
    amqpConnections: bus.connectionNames(),
    logger: options.logger,
  });
  const unfollow = followRoutes(routes, bus, membership, options.logger);
  const requester = createRequester({ bus, name: "svc.host.mint" });
  const producer = { service: "accounts", version: releaseVersion, instance: "host" } as const;
  const worldNow = (): number => membership.worldNow();
  const send = createSendSpawn({ requester, routes, worldNow, producer });
  const outbox = createOutbox({
    producer,
    descriptors: [file_hexhold_accounts_v1_events],
    worldNow,
  });

  /** Spawns until it is certain: the request id stays the same while the outcome is not. */
  const spawn = async (accountId: string, key: Key): Promise<SpawnEnd> => {
    const requestId = uuidText(uuidv7Bytes(Math.floor(membership.worldNow())));
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const outcome = await send({ accountId, requestId, key });
      if (outcome !== "unsure") return outcome;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    throw new ConnectError(
      `no worker has said whether a player was born in ${keyText(key)}; is the world up? (hexctl status)`,
      Code.Unavailable,
    );
  };

  /** As the accounts service tells of an account that was made. */
  const announce = (accountId: string): void => {
    const atMs = BigInt(Math.floor(membership.worldNow()));
    const event = { accountId: uuidBytes(accountId), name: accountId, atMs };
    const told = outbox.messageOf({
      schema: RegisteredSchema,
      message: create(RegisteredSchema, event),
      to: { service: "inventory", subject: accountId },
      cause: undefined,
    });
    const body = encodeBatch({ routeVersion: 0n, envelopes: [told.envelope] });
    // Nobody waits: a world without an inventory has players, too.
    void bus.publish(domainQueueOf("inventory", accountId), { type: "batch.v1", body });
  };

  const mintOne = async (
    wanted: Key | undefined,
    nth: number,
    ttlS: number,
  ): Promise<MintedPlayer> => {
    const ends = new Set<SpawnEnd>();
    for (const key of wanted === undefined ? placesFor(nth, options.hexes) : [wanted]) {
      // A player of its own for each hex: a quarantined one may still execute the command, once it is mended.
      const accountId = uuidText(uuidv7Bytes(Math.floor(membership.worldNow())));
      const end = await spawn(accountId, key);
      if (end === "spawned") {
        announce(accountId);
        return minted(accountId, keyText(key), ttlS);
      }
      if (end === "hex-quarantined") {
        options.logger.warn(
          { key: keyText(key) },
          "a hex of birth is quarantined: hexctl hex KEY says why",
        );
      }
      ends.add(end);
    }
    throw nowhere(wanted, ends);
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
      unfollow();
      requester.close();
      await membership.stop();
    },
  };
}

/** Hexes of birth; the n-th player begins to look at another one than the first. */
function placesFor(nth: number, hexes: readonly Key[]): readonly Key[] {
  const from = Math.floor(nth / 8) % hexes.length;
  return [...hexes.slice(from), ...hexes.slice(0, from)];
}

/** Why a player was born in none of the hexes. */
function nowhere(wanted: Key | undefined, ends: ReadonlySet<SpawnEnd>): ConnectError {
  const every =
    wanted === undefined ? "every hex of birth (world.spawn.cells)" : `hex ${keyText(wanted)}`;
  if (!ends.has("hex-quarantined")) {
    return new ConnectError(`${every} is full`, Code.ResourceExhausted);
  }
  return new ConnectError(
    `${every} is quarantined${ends.has("hex-full") ? " or full" : ""}: nobody can be born there until it is mended; ` +
      "hexctl hex KEY says what is wrong with it, and other cells can be configured",
    Code.FailedPrecondition,
  );
}
