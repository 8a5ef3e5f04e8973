/** A running world, whichever way it was started. */
import { Code, ConnectError } from "@connectrpc/connect";
import { startRpcServer } from "@hexhold/rpc";
import { HostService } from "@hexhold/gen/hexhold/control/v1/host_pb";
import type { Logger, LogLevel } from "@hexhold/telemetry";
import type { LocalStack } from "@hexhold/local-stack";
import type { Status } from "../status-file.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { AccessKeys } from "./access-keys.ts";
import type { AccountAdmin } from "./account-admin.ts";
import type { ChatAdmin } from "./chat-admin.ts";
import type { EconomyAdmin } from "./economy-admin.ts";
import type { PlayerMint } from "./player-mint.ts";
import type { HostSecrets } from "./role-passwords.ts";
import type { WorldConfig } from "./world-config.ts";
import type { WorldGame } from "./world-game.ts";

/** Processes of each kind, at least one. */
export interface ClusterCounts {
  readonly routers: number;
  readonly workers: number;
  readonly gateways: number;
  /** Of each domain service; they compete. */
  readonly domains: number;
}

/** What a profile needs to start. */
export interface WorldStart {
  /** In the profile `embedded` always one of each. */
  readonly counts: ClusterCounts;
  readonly checkout: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly config: WorldConfig;
  readonly game: WorldGame;
  readonly stack: LocalStack;
  readonly secrets: HostSecrets;
  /** Of the host's own players; the accounts service has keys of its own. */
  readonly keys: AccessKeys;
  /** Folder of the accounts service's private keys, unless configured otherwise. */
  readonly accountKeyDirectory: string;
  /** Folder of the built page. */
  readonly webRoot: string | undefined;
  readonly logger: Logger;
  /** For a service inside this process, to the same log. */
  readonly loggerOf: (service: string, instance: string, level: LogLevel) => Logger;
  readonly onProcesses: (
    processes: Status["processes"],
    failing?: NonNullable<Status["failing"]>,
  ) => void;
  readonly say: (line: string) => void;
}

export interface WorldHost {
  readonly endpoints: Status["endpoints"];
  readonly processes: Status["processes"];
  readonly mint: PlayerMint;
  stop(): Promise<void>;
}

export interface HostServerOptions {
  /** Undefined while the world comes up. */
  readonly mint: () => PlayerMint | undefined;
  readonly accounts: AccountAdmin;
  readonly economy: EconomyAdmin;
  readonly chat: ChatAdmin;
  /** Undefined: everything is one process. */
  readonly supervisor?: Supervisor;
  /** Stops all workers for good; resolves with their names when they have ended. Idempotent. */
  readonly drainWorkers: () => Promise<string[]>;
  readonly token: string;
  readonly logger: Logger;
}

/** The host's own server, for `hexctl token`, `ban`, `rotate-keys`, `roll`, `drain`, `grant`, `market` and `chat`. */
export async function serveHost(
  options: HostServerOptions,
): Promise<{ url: string; stop(): Promise<void> }> {
  const { mint, accounts, economy, chat, supervisor, drainWorkers, token, logger } = options;
  return startRpcServer({
    port: 0,
    token,
    logger,
    routes: (router) =>
      router.service(HostService, {
        async mintPlayers(request) {
          const ready = mint();
          if (ready === undefined) {
            throw new ConnectError("the world is still starting", Code.Unavailable);
          }
          return { players: await ready.mint(request) };
        },
        async restartProcess({ name }) {
          if (supervisor === undefined) {
            throw new ConnectError(
              "this world is one process: only --profile cluster has some to restart",
              Code.FailedPrecondition,
            );
          }
          const found = supervisor.processes().find((each) => each.name === name);
          if (found === undefined) {
            const names = supervisor.processes().map((each) => each.name);
            throw new ConnectError(
              `there is no process ${name}; there are ${names.join(", ")}`,
              Code.NotFound,
            );
          }
          await found.restart();
          return {};
        },
        drainWorkers: async () => ({ names: await drainWorkers() }),
        banAccount: (request) => accounts.ban(request),
        rotateAccessKeys: async () => ({ kid: await accounts.rotateKeys() }),
        grant: (request) => economy.grant(request),
        async haltBook(request) {
          await economy.haltBook(request);
          return {};
        },
        async askHold(request) {
          await economy.askHold(request);
          return {};
        },
        async listReports(request) {
          const { reports, nextBefore } = await chat.listReports(request);
          return { reports, nextBefore };
        },
        muteAccount: async (request) => ({ untilMs: await chat.mute(request) }),
        async removeMessage(request) {
          await chat.remove(request);
          return {};
        },
        endOrders: async (request) => ({ ended: await economy.endOrders(request) }),
      }),
  });
}
