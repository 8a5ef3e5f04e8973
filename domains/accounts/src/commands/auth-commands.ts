/** Register, login, refresh: what carries passwords and refresh tokens. Nothing here logs what it is given. */
import { create } from "@bufbuild/protobuf";
import type { CommandOutcome, MessageHandler } from "@hexhold/domain";
import {
  BannedDetailSchema,
  LoginSchema,
  RefreshSchema,
  RegisterSchema,
  TokenPairSchema,
} from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { type Key, keyText } from "@hexhold/hex";
import { sha256, uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { signAccessToken } from "../keys/access-token.ts";
import type { KeyStore } from "../keys/key-store.ts";
import { signingOne } from "../keys/signing-key.ts";
import { hashPassword, isOutdatedHash, verifyPassword } from "../rules/password-hash.ts";
import { isWeakPassword } from "../rules/password-rules.ts";
import { isBanned } from "../rules/refresh-rules.ts";
import { newRefreshToken } from "../rules/refresh-token.ts";
import type { SpawnRelay } from "../spawn/spawn-relay.ts";
import {
  type AccountRow,
  findAccount,
  findResidence,
  insertAccount,
  replacePasswordHash,
} from "../store/account-rows.ts";
import type { Database } from "../store/database.ts";
import { startLogin, useRefreshToken } from "../store/login-rows.ts";
import { applied, type CommandHandlerOf, refused } from "./command.ts";

export interface AuthOptions {
  readonly commandHandler: CommandHandlerOf;
  readonly database: Database;
  readonly keys: KeyStore;
  readonly relay: SpawnRelay;
  readonly accessTtlS: number;
  readonly refreshTtlMs: number;
  readonly loginsMax: number;
  /** A login has ended because its token came twice. */
  /** An account was made. */
  readonly onRegistered: () => void;
  readonly onTheft: (accountId: string, loginId: string, nowMs: number) => void;
}

/** How long a registration waits for its player to be in the world; without it the tokens name no hex. */
const spawnWaitMs = 2000;

export function authCommands(options: AuthOptions): readonly MessageHandler[] {
  const { commandHandler, database, keys, relay, accessTtlS, refreshTtlMs } = options;

  async function tokens(given: {
    readonly accountId: string;
    readonly loginId: string;
    readonly residence: Key | undefined;
    readonly refreshToken: Uint8Array;
    readonly refreshExpiresMs: number;
    readonly nowMs: number;
  }): Promise<CommandOutcome> {
    const { accountId, loginId, residence, nowMs } = given;
    const access = await signAccessToken(signingOne(keys.keys()), {
      accountId,
      loginId,
      residence: residence === undefined ? undefined : keyText(residence),
      nowMs,
      ttlS: accessTtlS,
    });
    return applied(
      create(TokenPairSchema, {
        accountId: uuidBytes(accountId),
        accessToken: access.token,
        refreshToken: given.refreshToken,
        accessExpiresMs: BigInt(access.expiresMs),
        refreshExpiresMs: BigInt(Math.floor(given.refreshExpiresMs)),
        ...(residence === undefined
          ? {}
          : { residence: { hexId: residence.hexId, layerId: residence.layerId } }),
      }),
    );
  }

  async function logIn(
    accountId: string,
    residence: Key | undefined,
    nowMs: number,
  ): Promise<CommandOutcome> {
    const { token, hash } = newRefreshToken();
    const loginId = uuidText(uuidv7Bytes(Math.floor(nowMs)));
    const refreshExpiresMs = await startLogin(database, {
      loginId,
      accountId,
      tokenHash: hash,
      ttlMs: refreshTtlMs,
      loginsMax: options.loginsMax,
    });
    return tokens({ accountId, loginId, residence, refreshToken: token, refreshExpiresMs, nowMs });
  }

  /** Logs in an account whose password was right. */
  async function admit(
    account: AccountRow,
    password: string,
    nowMs: number,
  ): Promise<CommandOutcome> {
    if (isBanned(account.bannedUntilMs, nowMs)) {
      return bannedRefusal(account.bannedUntilMs, account.banReason);
    }
    if (isOutdatedHash(account.passwordHash)) {
      await replacePasswordHash(database, account.accountId, await hashPassword(password));
    }
    return logIn(account.accountId, account.residence, nowMs);
  }

  const register = commandHandler(RegisterSchema, async ({ name, password }, { nowMs }) => {
    if (isWeakPassword(name, password)) return refused("weak-password");
    const accountId = uuidText(uuidv7Bytes(Math.floor(nowMs)));
    const isNew = await insertAccount(database, {
      accountId,
      name,
      passwordHash: await hashPassword(password),
      spawnRequestId: uuidText(uuidv7Bytes(Math.floor(nowMs))),
      spawnKey: relay.nextKey,
    });
    if (isNew) {
      options.onRegistered();
      const spawned = relay.spawned(accountId, spawnWaitMs);
      relay.hint();
      await spawned;
      return logIn(accountId, await findResidence(database, accountId), nowMs);
    }
    const account = await findAccount(database, name);
    const isOwner = await verifyPassword(account?.passwordHash, password);
    return account === undefined || !isOwner
      ? refused("name-taken")
      : admit(account, password, nowMs);
  });

  const login = commandHandler(LoginSchema, async ({ name, password }, { nowMs }) => {
    const account = await findAccount(database, name);
    const isRight = await verifyPassword(account?.passwordHash, password);
    return account === undefined || !isRight
      ? refused("wrong-name-or-password")
      : admit(account, password, nowMs);
  });

  const refresh = commandHandler(RefreshSchema, async (command, { requestId, nowMs }) => {
    const { token, hash } = newRefreshToken();
    const result = await useRefreshToken(database, {
      presentedHash: sha256(command.refreshToken),
      nextHash: hash,
      requestId,
      ttlMs: refreshTtlMs,
    });
    switch (result?.verdict) {
      case "rotate":
      case "repeat":
        return tokens({
          ...result,
          refreshToken: token,
          refreshExpiresMs: result.expiresMs,
          nowMs,
        });
      case "banned":
        return bannedRefusal(result.bannedUntilMs, result.banReason);
      case "theft":
        options.onTheft(result.accountId, result.loginId, result.nowMs);
        return refused("refresh-token-reused");
      default:
        return refused("bad-refresh-token");
    }
  });

  return [register, login, refresh];
}

function bannedRefusal(untilMs: number | undefined, reason: string): CommandOutcome {
  const isForEver = untilMs === undefined || untilMs === Infinity;
  const detail = create(BannedDetailSchema, {
    untilMs: isForEver ? 0n : BigInt(Math.floor(untilMs)),
    reason,
  });
  return refused("banned", detail);
}
