/** Tells other services of accounts, each once: those that were made before they listened as well as new ones. */
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { createOutbox, type Outbox, type OutboxMessage } from "@hexhold/domain";
import {
  file_hexhold_accounts_v1_events,
  RegisteredSchema,
} from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import { createMessageRegistry, uuidBytes } from "@hexhold/messaging";
import { createBackoff } from "@hexhold/rpc";
import { isLoggedFailure, type Logger } from "@hexhold/telemetry";
import type { Producer } from "./producer.ts";
import type { Database } from "./store/database.ts";
import { markTold, type UntoldAccount, untoldAccounts, writeOutbox } from "./store/told-rows.ts";

export interface TellAccountsOptions {
  readonly database: Pick<Database, "transaction">;
  readonly producer: Producer;
  /** World time, Unix milliseconds. */
  readonly worldNow: () => number;
  readonly logger: Logger;
}

export interface TellAccounts {
  /** An account was made. */
  hint(): void;
  stop(): Promise<void>;
}

/** Accounts of one transaction. */
const countMax = 500;
/** An instance that made an account may have died before it told of it. */
const pollMs = 5_000;

/** What is told goes into the outbox, in the transaction that notes it. */
export function startTellAccounts(options: TellAccountsOptions): TellAccounts {
  const { database, logger } = options;
  const { producer, worldNow } = options;
  const descriptors = [file_hexhold_accounts_v1_events];
  const outbox = createOutbox({ producer, descriptors, worldNow });
  const { consumers } = createMessageRegistry(descriptors).bySchema(RegisteredSchema);
  const stopping = new AbortController();
  const { signal } = stopping;
  let wake = new AbortController();

  async function run(): Promise<void> {
    const backoff = createBackoff(200, 5_000);
    for (let failures = 0; !signal.aborted;) {
      try {
        const told = await database.transaction(async (statement) => {
          const accounts = await untoldAccounts(statement, countMax);
          if (accounts.length === 0) return 0;
          await writeOutbox(statement, messagesOf(outbox, consumers, accounts));
          await markTold(statement, accounts);
          return accounts.length;
        });
        failures = 0;
        backoff.reset();
        if (told < countMax) await rest();
      } catch (error) {
        if (isLoggedFailure(failures++)) {
          logger.warn({ err: error }, "other services cannot be told of accounts now");
        }
        await backoff.wait(signal);
      }
    }
  }

  async function rest(): Promise<void> {
    wake = new AbortController();
    const either = AbortSignal.any([signal, wake.signal]);
    await sleep(pollMs, undefined, { signal: either }).catch(() => undefined);
  }

  const running = run();
  return {
    hint: () => wake.abort(),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** A message for each consumer. */
function messagesOf(
  outbox: Outbox,
  consumers: readonly string[],
  accounts: readonly UntoldAccount[],
): OutboxMessage[] {
  return accounts.flatMap(({ accountId, name, createdMs }) => {
    const registered = { accountId: uuidBytes(accountId), name, atMs: BigInt(createdMs) };
    const message = create(RegisteredSchema, registered);
    return consumers.map((service) =>
      outbox.messageOf({
        schema: RegisteredSchema,
        message,
        to: { service, subject: accountId },
        cause: undefined,
      }),
    );
  });
}
