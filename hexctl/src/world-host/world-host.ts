/** A running world, whichever way it was started. */
import { startRpcServer } from "@hexhold/rpc";
import { HostService } from "@hexhold/gen/hexhold/control/v1/host_pb";
import type { Logger, LogLevel } from "@hexhold/telemetry";
import type { LocalStack } from "../local-stack/local-stack.ts";
import type { Status } from "../status-file.ts";
import type { AccessKeys } from "./access-keys.ts";
import type { AccountAdmin } from "./account-admin.ts";
import type { PlayerMint } from "./player-mint.ts";
import type { HostSecrets } from "./role-passwords.ts";
import type { WorldConfig } from "./world-config.ts";

/** What a profile needs to start. */
export interface WorldStart {
  readonly checkout: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly config: WorldConfig;
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
  readonly onProcesses: (processes: Status["processes"]) => void;
  readonly say: (line: string) => void;
}

export interface WorldHost {
  readonly endpoints: Status["endpoints"];
  readonly processes: Status["processes"];
  readonly mint: PlayerMint;
  stop(): Promise<void>;
}

/** The host's own server, for `hexctl token`, `ban` and `rotate-keys`. */
export async function serveHost(
  mint: () => PlayerMint,
  accounts: AccountAdmin,
  token: string,
  logger: Logger,
): Promise<{ url: string; stop(): Promise<void> }> {
  return startRpcServer({
    port: 0,
    token,
    logger,
    routes: (router) =>
      router.service(HostService, {
        mintPlayers: async (request) => ({
          players: await mint().mint(request),
        }),
        banAccount: (request) => accounts.ban(request),
        rotateAccessKeys: async () => ({ kid: await accounts.rotateKeys() }),
      }),
  });
}
