/** What carries no secrets: logout, bans, keys, names. */
import { create } from "@bufbuild/protobuf";
import type { MessageHandler } from "@hexhold/domain";
import {
  BanResultSchema,
  BanSchema,
  BansSinceSchema,
  AccountNameSchema,
  BanStateSchema,
  EndedLoginSchema,
  GetKeysSchema,
  GetNamesSchema,
  KeysSchema,
  LogoutSchema,
  NamesSchema,
  PublicKeySchema,
  RevocationsSchema,
  RotateKeysSchema,
} from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import type { Announce } from "../announce.ts";
import type { KeyStore } from "../keys/key-store.ts";
import { type SigningKey, stillValid } from "../keys/signing-key.ts";
import { type BanRow, bansSince, namesOf, setBan } from "../store/account-rows.ts";
import { endedSince, endLogin } from "../store/login-rows.ts";
import { applied, type CommandHandlerOf, done, refused } from "./command.ts";

export interface AccountOptions {
  readonly commandHandler: CommandHandlerOf;
  readonly keys: KeyStore;
  readonly announce: Announce;
  /** How long an access token may live, tolerances included. */
  readonly tokenMsMax: number;
}

/** Rows of each kind in one answer. */
const pageMax = 1000;
/** A transaction that is older than this has ended: PostgreSQL ends statements after 4 s. */
const commitMsMax = 30_000;

export function accountCommands(options: AccountOptions): readonly MessageHandler[] {
  const { commandHandler, keys, announce, tokenMsMax } = options;

  const logout = commandHandler(LogoutSchema, async ({ tokenHash }, { store, onCommit }) => {
    const ended = await endLogin(store, tokenHash);
    if (ended !== undefined) {
      onCommit(() => announce.loggedOut(ended.accountId, endedOf(ended)));
    }
    return done;
  });

  const ban = commandHandler(BanSchema, async (command, { store, onCommit }) => {
    const { account, untilMs, reason, lift } = command;
    const who =
      account.case === "accountId"
        ? { accountId: uuidText(account.value) }
        : { name: account.value ?? "" };
    const until = lift ? undefined : untilMs === 0n ? Infinity : Number(untilMs);
    const row = await setBan(store, who, until, lift ? "" : reason);
    if (row === undefined) return refused("unknown-account");
    onCommit(() => announce.banned(row.accountId, banOf(row)));
    return applied(
      create(BanResultSchema, { accountId: uuidBytes(row.accountId), name: row.name }),
    );
  });

  const rotateKeys = commandHandler(RotateKeysSchema, async (_command, { nowMs, onCommit }) => {
    const key = publicOf(await keys.rotate(Math.floor(nowMs)));
    onCommit(() => announce.keyAdded(key));
    return applied(key);
  });

  const getKeys = commandHandler(GetKeysSchema, (_command, { nowMs }) => {
    const valid = stillValid(keys.keys(), nowMs, tokenMsMax).map(publicOf);
    return Promise.resolve(applied(create(KeysSchema, { keys: valid })));
  });

  const getNames = commandHandler(GetNamesSchema, async ({ accountIds }, { store }) => {
    const rows = await namesOf(store, accountIds.map(uuidText));
    const names = rows.map(({ accountId, name }) =>
      create(AccountNameSchema, { accountId: uuidBytes(accountId), name }),
    );
    return applied(create(NamesSchema, { names }));
  });

  const since = commandHandler(BansSinceSchema, async ({ sinceMs }, { nowMs, store }) => {
    const fromMs = Math.max(Number(sinceMs), nowMs - tokenMsMax);
    const [bans, logouts] = await Promise.all([
      bansSince(store.run, fromMs, pageMax + 1),
      endedSince(store.run, fromMs, pageMax + 1),
    ]);
    // What was left out is younger than everything of its own kind here.
    const cuts = [bans[pageMax]?.changedMs, logouts[pageMax]?.endedMs];
    const cutMs = Math.min(...cuts.map((cut) => cut ?? Infinity));
    const more = cutMs < Infinity;
    return applied(
      create(RevocationsSchema, {
        bans: bans.slice(0, pageMax).map(banOf),
        logouts: logouts.slice(0, pageMax).map(endedOf),
        nextSinceMs: BigInt(Math.floor(more ? cutMs : nowMs - commitMsMax)),
        more,
      }),
    );
  });

  function banOf({ accountId, bannedUntilMs, changedMs }: BanRow) {
    return create(BanStateSchema, {
      accountId: uuidBytes(accountId),
      lifted: bannedUntilMs === undefined,
      untilMs:
        bannedUntilMs === undefined || bannedUntilMs === Infinity
          ? 0n
          : BigInt(Math.floor(bannedUntilMs)),
      forgetMs: BigInt(Math.ceil(changedMs + tokenMsMax)),
    });
  }

  function endedOf({ loginId, endedMs }: { readonly loginId: string; readonly endedMs: number }) {
    return create(EndedLoginSchema, {
      loginId: uuidBytes(loginId),
      forgetMs: BigInt(Math.ceil(endedMs + tokenMsMax)),
    });
  }

  return [logout, ban, rotateKeys, getKeys, getNames, since];
}

function publicOf({ kid, publicKey }: SigningKey) {
  return create(PublicKeySchema, { kid, publicKey: Buffer.from(publicKey, "base64url") });
}
