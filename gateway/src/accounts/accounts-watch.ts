/**
 * Follows the accounts service: keys, bans, logouts. What it announces may be lost, so a gateway asks as well: at
 * its start, after a reconnect, at an unknown key and every few seconds. While nobody answers it asks less often.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fromBinary } from "@bufbuild/protobuf";
import type { BanState, EndedLogin } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import {
  BannedSchema,
  KeyAddedSchema,
  LoggedOutSchema,
} from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import type { Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Logger } from "@hexhold/telemetry";
import type { KeyRing } from "../session/key-ring.ts";
import type { AccountsClient } from "./accounts-client.ts";
import type { Revocations } from "./revocations.ts";

export interface AccountsWatchOptions {
  readonly client: Pick<AccountsClient, "keys" | "revocations">;
  readonly keys: Pick<KeyRing, "replace" | "add">;
  readonly revocations: Revocations;
  readonly worldNow: () => number;
  readonly onBanned: (account: string) => void;
  readonly onLoggedOut: (login: string) => void;
  readonly logger: Logger;
  /** Default 5 s. */
  readonly everyMs?: number;
}

export interface AccountsWatch {
  /** Asks for keys; false when there was no answer. */
  askKeys(): Promise<boolean>;
  /** Asks for everything now: the connection is new, and announcements were missed. */
  wake(): void;
  /** False: it is none of accounts. Throws when it cannot be read. */
  onAnnouncement(envelope: Envelope): boolean;
  stop(): void;
}

const quietFactorMax = 6;

export function startAccountsWatch(options: AccountsWatchOptions): AccountsWatch {
  const { client, keys, revocations, logger, everyMs = 5000 } = options;
  let sinceMs = 0n;
  let failures = 0;
  let isStopped = false;
  let pause = new AbortController();

  function takeBan(ban: BanState | undefined): void {
    const account = ban && revocations.takeBan(ban, options.worldNow());
    if (account !== undefined) options.onBanned(account);
  }

  function takeLogout(login: EndedLogin | undefined): void {
    if (login !== undefined) options.onLoggedOut(revocations.takeLogout(login));
  }

  async function askKeys(): Promise<boolean> {
    const called = await client.keys();
    if (called.case === "applied") keys.replace(called.result.keys);
    return called.case === "applied";
  }

  async function askRevocations(): Promise<boolean> {
    for (;;) {
      const called = await client.revocations(sinceMs);
      if (called.case !== "applied") return false;
      called.result.bans.forEach(takeBan);
      called.result.logouts.forEach(takeLogout);
      sinceMs = called.result.nextSinceMs;
      if (!called.result.more) return true;
    }
  }

  async function run(): Promise<void> {
    while (!isStopped) {
      pause = new AbortController();
      const answered = (await Promise.all([askKeys(), askRevocations()])).every(Boolean);
      if (answered && failures > 0) logger.info("the accounts service answers again");
      if (!answered && failures === 0) logger.warn("the accounts service does not answer");
      failures = answered ? 0 : failures + 1;
      revocations.forget(options.worldNow());
      const waitMs = everyMs * Math.min(failures + 1, quietFactorMax);
      await sleep(waitMs, undefined, { signal: pause.signal, ref: false }).catch(() => undefined);
    }
  }

  const running = run();
  running.catch((error: unknown) =>
    logger.error({ err: error }, "accounts are not followed any more"),
  );
  return {
    askKeys,
    wake: () => pause.abort(),
    onAnnouncement({ type, payload }) {
      if (type === "evt.accounts.banned") takeBan(fromBinary(BannedSchema, payload).ban);
      else if (type === "evt.accounts.logged-out") {
        takeLogout(fromBinary(LoggedOutSchema, payload).login);
      } else if (type === "evt.accounts.key-added") {
        const { key } = fromBinary(KeyAddedSchema, payload);
        if (key !== undefined) keys.add(key);
      } else return false;
      return true;
    },
    stop() {
      isStopped = true;
      pause.abort();
    },
  };
}
