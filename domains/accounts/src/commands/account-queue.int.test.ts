/** The queue without secrets, by the machinery of all domain services, on a real PostgreSQL. */
import {
  create,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type RunningDomain, startDomain } from "@hexhold/domain";
import {
  BanSchema,
  file_hexhold_accounts_v1_commands,
  GetNamesSchema,
  LogoutSchema,
  NamesSchema,
} from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import {
  file_hexhold_accounts_v1_sessions,
  ReportSessionsSchema,
} from "@hexhold/gen/hexhold/accounts/v1/sessions_pb";
import { CommandDeadLetteredSchema } from "@hexhold/gen/hexhold/control/v1/dead_letter_pb";
import type { Answer } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { PlayerArrivedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { hexAt, type Key } from "@hexhold/hex";
import {
  createMemoryBus,
  createMessageRegistry,
  decodeAnswer,
  decodeBatch,
  decodeEnvelope,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  MemoryBroker,
  splitAnswers,
  uuidBytes,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import type { PgPool } from "@hexhold/postgres";
import { createLogger, createMetrics, type Metrics } from "@hexhold/telemetry";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAccountsMetrics } from "../accounts-metrics.ts";
import type { KeyStore } from "../keys/key-store.ts";
import { newRefreshToken } from "../rules/refresh-token.ts";
import { findResidence, insertAccount } from "../store/account-rows.ts";
import type { Database } from "../store/database.ts";
import { openFreshSchema } from "../store/fresh-schema.testing.ts";
import { startLogin } from "../store/login-rows.ts";
import { accountCommands } from "./account-commands.ts";
import { arrivals } from "./arrivals.ts";
import { commandHandlersOf, counted } from "./command.ts";
import { reportSessions } from "./report-sessions.ts";

const queue = "cmd.accounts";
const registry = createMessageRegistry([
  file_hexhold_accounts_v1_commands,
  file_hexhold_accounts_v1_sessions,
]);
const birth: Key = { hexId: hexAt(52.52, 13.405), layerId: 0 };
const next: Key = { hexId: hexAt(48.1, 11.6), layerId: 3 };
const id = (): string => uuidText(uuidv7Bytes());

let database: Database;
let admin: PgPool;
let close: () => Promise<void>;
let domain: RunningDomain;
let broker: MemoryBroker;
let metrics: Metrics;
let announced: string[];
let answers: Answer[];
let accountId: string;

beforeEach(async () => {
  let roleUrl: string;
  ({ database, admin, close, roleUrl } = await openFreshSchema());
  announced = [];
  answers = [];
  broker = new MemoryBroker();
  for (const name of [queue, "cmd.router"]) broker.declareQueue(name, 100);
  const bus = createMemoryBus(broker);
  await bus.openInbox({
    name: "test.reply",
    lengthMax: 100,
    onMessage: ({ body }) => void answers.push(...splitAnswers(body).map(decodeAnswer)),
  });
  metrics = createMetrics({ processMetrics: false });
  const commandHandler = commandHandlersOf(Date.now);
  const handlers = [
    ...accountCommands({
      commandHandler,
      keys: { keys: () => [] } as unknown as KeyStore,
      announce: {
        banned: (account) => void announced.push(`banned ${account}`),
        loggedOut: (account) => void announced.push(`logged out ${account}`),
        keyAdded: () => undefined,
      },
      tokenMsMax: 60_000,
    }),
    reportSessions(commandHandler, 0),
  ];
  const ofAccounts = createAccountsMetrics(metrics);
  domain = startDomain({
    producer: { service: "accounts", version: "1", instance: "accounts-1" },
    postgresUrl: roleUrl,
    queues: [queue],
    inHandMax: 16,
    handlers: [...handlers.map((handler) => counted(handler, ofAccounts)), arrivals(Date.now)],
    bus,
    worldNow: Date.now,
    resultRetentionHours: 72,
    logger: createLogger({ service: "accounts", instance: "test", level: "silent" }),
    metrics,
  });
  accountId = id();
  const passwordHash = "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA";
  const account = { accountId, name: "anna", passwordHash };
  await insertAccount(database, { ...account, spawnRequestId: id(), spawnKey: birth });
});
afterEach(async () => {
  await domain.stop();
  await close();
});

/** Publishes envelopes; resolves when they are settled: in one process a confirm says that. */
async function publish(...envelopes: Uint8Array[]): Promise<void> {
  const outcome = await createMemoryBus(broker).publish(queue, {
    type: "batch.v1",
    body: encodeBatch({ routeVersion: 0n, envelopes }),
    replyTo: "test.reply",
  });
  expect(outcome).toBe("confirmed");
}

function command<T extends Message>(
  schema: GenMessage<T>,
  init: MessageInitShape<GenMessage<T>>,
  { service = "gateway", requestId = uuidv7Bytes() } = {},
): Uint8Array {
  const { type, messageVersion } = registry.bySchema(schema);
  return encodeEnvelope({
    type,
    messageVersion,
    requestId,
    eventId: uuidv7Bytes(),
    producer: { service, version: "1", instance: "test" },
    tsMs: 1,
    idempotencyKey: idempotencyKeyOf({
      accountId: undefined,
      requestId,
      type,
      target: new Uint8Array(0),
    }),
    payload: toBinary(schema, create(schema, init)),
  });
}

function arrival(number: bigint, key: Key, service = "worker", eventId = uuidv7Bytes()) {
  return encodeEnvelope({
    type: "evt.hex.player-arrived",
    messageVersion: 1,
    eventId,
    key,
    producer: { service, version: "1", instance: "test" },
    tsMs: 1,
    payload: toBinary(
      PlayerArrivedSchema,
      create(PlayerArrivedSchema, { playerId: uuidBytes(accountId), number }),
    ),
  });
}

const wordsOf = () =>
  answers.map(({ outcome, replayed }) => {
    const word = outcome.case === "refused" ? outcome.value.reason : outcome.case;
    return replayed ? `${word}, replayed` : word;
  });

test("a logout ends the login and is announced once, however often it comes", async () => {
  const { hash } = newRefreshToken();
  const login = { loginId: id(), accountId, tokenHash: hash, ttlMs: 60_000, loginsMax: 20 };
  await startLogin(database, login);
  const requestId = uuidv7Bytes();
  const logout = () => command(LogoutSchema, { tokenHash: hash }, { requestId });
  await publish(logout());
  await publish(logout());
  await expect.poll(wordsOf).toEqual(["applied", "applied, replayed"]);
  expect(announced).toEqual([`logged out ${accountId}`]);
  const { rows } = await admin.query("SELECT end_reason FROM accounts.login");
  expect(rows).toEqual([{ end_reason: "logged-out" }]);
  const text = await metrics.metricsText();
  expect(text).toMatch(/accounts_commands_total\{type="cmd.accounts.logout",outcome="applied"\} 1/);
});

test("a ban is an operator's alone; of an account that is not there it is refused, and that is kept", async () => {
  const ban = (name: string, service: string) =>
    command(BanSchema, { account: { case: "name", value: name } }, { service });
  await publish(ban("anna", "gateway"));
  await publish(ban("bert", "host"));
  await publish(ban("anna", "host"));
  await expect.poll(wordsOf).toEqual(["error", "unknown-account", "applied"]);
  expect(announced).toEqual([`banned ${accountId}`]);
  const { rows } = await admin.query("SELECT 1 FROM accounts.result");
  expect(rows).toHaveLength(2);
});

test("what is only read leaves nothing behind, and a report is taken in its own transaction", async () => {
  await publish(command(GetNamesSchema, { accountIds: [uuidBytes(accountId)] }));
  await expect.poll(wordsOf).toEqual(["applied"]);
  const [{ outcome } = { outcome: undefined }] = answers;
  const result = outcome?.case === "applied" ? outcome.value.result : new Uint8Array(0);
  expect(fromBinary(NamesSchema, result).names.map(({ name }) => name)).toEqual(["anna"]);
  expect((await admin.query("SELECT 1 FROM accounts.result")).rows).toEqual([]);
  const session = { accountId: uuidBytes(accountId), sessionId: uuidv7Bytes(), held: true };
  await publish(
    command(ReportSessionsSchema, {
      gateway: uuidv7Bytes(),
      instance: "gateway-1",
      number: 1n,
      listBegins: true,
      listEnds: true,
      sessions: [session],
    }),
  );
  const { rows } = await admin.query("SELECT account_id FROM accounts.session");
  expect(rows).toEqual([{ account_id: accountId }]);
});

test("arrivals move a residence, the newest wins, and each is noted", async () => {
  const eventId = uuidv7Bytes();
  await publish(arrival(2n, next, "worker", eventId), arrival(1n, birth));
  await publish(arrival(2n, next, "worker", eventId));
  expect(await findResidence(database, accountId)).toEqual(next);
  expect((await admin.query("SELECT 1 FROM accounts.inbox")).rows).toHaveLength(2);
});

test("an arrival that no worker has told becomes a letter, and leaves its event open", async () => {
  const forged = arrival(9n, next, "market");
  await publish(forged, arrival(1n, birth));
  expect(await findResidence(database, accountId)).toEqual(birth);
  const letters: string[] = [];
  await createMemoryBus(broker).consume("cmd.router", {
    prefetch: 10,
    onDelivery(delivery) {
      for (const bytes of decodeBatch(delivery.body).envelopes) {
        const letter = fromBinary(CommandDeadLetteredSchema, decodeEnvelope(bytes).payload);
        expect(Buffer.from(letter.envelope).equals(forged)).toBe(true);
        letters.push(`${letter.slot}, ${letter.attempts}: ${letter.error}`);
      }
      delivery.ack();
    },
  });
  await expect.poll(() => letters).toEqual([`${queue}, 5: TypeError: no worker has said this`]);
  const { rows } = await admin.query("SELECT lettered FROM accounts.inbox ORDER BY lettered");
  expect(rows).toEqual([{ lettered: false }, { lettered: true }]);
});

test("the service may add what it has answered, and change or delete none of it", async () => {
  await publish(command(LogoutSchema, { tokenHash: new Uint8Array(32) }));
  for (const text of ["UPDATE accounts.result SET answer = ''", "DELETE FROM accounts.result"]) {
    await expect(database.run("try", text)).rejects.toMatchObject({ code: "42501" });
  }
  await expect(database.run("prune", "SELECT accounts.prune(95, 72, 10, 0)")).rejects.toThrow(
    /96 h/,
  );
  const old = Date.now() + 73 * 3_600_000;
  await admin.query("UPDATE accounts.result SET stored_at = stored_at - interval '73 h'");
  const gone = "SELECT accounts.prune(96, 72, 10, $1)::int AS gone";
  expect(await database.run("gone", gone, [old])).toEqual([{ gone: 1 }]);
});
