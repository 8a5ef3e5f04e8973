/** An inventory service with a database of its own, on a bus in memory: its messages, its clock, what it sends. */
import { setTimeout as pause } from "node:timers/promises";
import {
  create,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { createOutbox, type PlayerEvent, type RunningDomain, startDomain } from "@hexhold/domain";
import {
  file_hexhold_accounts_v1_events,
  RegisteredSchema,
} from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import type { Answer, Envelope } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { file_hexhold_inventory_v1_commands } from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import type { Changed } from "@hexhold/gen/hexhold/inventory/v1/events_pb";
import { file_hexhold_inventory_v1_holds } from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import { file_hexhold_inventory_v1_takes } from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import {
  file_hexhold_inventory_v1_trades,
  GrantSchema,
} from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import {
  type EndHold,
  EndHoldSchema,
  file_hexhold_market_v1_steps,
} from "@hexhold/gen/hexhold/market/v1/steps_pb";
import {
  createMemoryBus,
  createMessageRegistry,
  createProducerRoutes,
  createRequester,
  decodeBatch,
  decodeEnvelope,
  domainQueueOf,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  MemoryBroker,
  queuesOfService,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { createGame } from "@hexhold/reference-game";
import { createLogger, createMetrics, type Metrics } from "@hexhold/telemetry";
import { createInventoryHandlers } from "../src/inventory-handlers.ts";
import { createInventoryMetrics } from "../src/inventory-metrics.ts";
import { ledgerEventsOf } from "../src/rules/ledger-events.ts";
import { type LedgerDatabase, openLedgerDatabase } from "./ledger-database.ts";

const game = createGame({});
const contracts = [
  ...game.descriptors,
  file_hexhold_accounts_v1_events,
  file_hexhold_inventory_v1_commands,
  file_hexhold_inventory_v1_holds,
  file_hexhold_inventory_v1_takes,
  file_hexhold_inventory_v1_trades,
];
const registry = createMessageRegistry([...contracts, file_hexhold_market_v1_steps]);

export interface Sender {
  /** Default: a client, by a gateway, when `account` is given. */
  readonly service?: string;
  readonly account?: Uint8Array;
  /** Default: a new one. */
  readonly requestId?: Uint8Array;
}

export interface RunningInventory {
  readonly database: LedgerDatabase;
  readonly metrics: Metrics;
  /** World time that the service sees is that of the machine and this. */
  setClockAheadMs(ms: number): void;
  /** An account that the service knows. */
  newAccount(): Promise<Uint8Array>;
  /** Gives out of nothing, as an operator does. */
  grant(account: Uint8Array, asset: string, amount: bigint): Promise<void>;
  /** Sends one message alone, and waits for its answer. */
  send<T extends Message>(
    schema: GenMessage<T>,
    init: MessageInitShape<GenMessage<NoInfer<T>>>,
    by: Sender,
  ): Promise<Answer["outcome"]>;
  /** Bytes of an envelope, for batches and repetitions. */
  envelope<T extends Message>(
    schema: GenMessage<T>,
    init: MessageInitShape<GenMessage<NoInfer<T>>>,
    by: Sender,
  ): Uint8Array;
  /** Sends envelopes as one queue message, and waits until it is acked. */
  sendBatch(subject: string, envelopes: readonly Uint8Array[]): Promise<void>;
  /** What the market was answered, in the order in which it came. */
  readonly ended: readonly EndHold[];
  /** What players were told, in its order. */
  readonly told: { readonly account: string; readonly event: Changed }[];
  /** Messages in the outbox for hexes. */
  toHexes(): Promise<Envelope[]>;
  balances(account: Uint8Array): Promise<Record<string, string>>;
  /** Letters that were written, by type of the message and error. */
  letters(): Promise<number>;
  close(): Promise<void>;
}

export async function runInventory(
  rules: {
    readonly offersMax?: number;
    readonly tradeMinAgeHours?: number;
    readonly plaques?: boolean;
  } = {},
): Promise<RunningInventory> {
  const database = await openLedgerDatabase();
  const broker = new MemoryBroker();
  const queues = queuesOfService("inventory");
  for (const queue of [...queues, ...queuesOfService("market"), "cmd.router"]) {
    broker.declareQueue(queue, 1_000_000);
  }
  const bus = createMemoryBus(broker);
  let aheadMs = 0;
  const worldNow = (): number => Date.now() + aheadMs;
  const producer = { service: "inventory", version: "1", instance: "inventory-1" };
  const outbox = createOutbox({
    producer,
    descriptors: [...contracts, file_hexhold_market_v1_steps],
    worldNow,
  });
  const metrics = createMetrics({ processMetrics: false });
  const logger = createLogger({ service: "inventory", instance: "test", level: "silent" });
  const told: RunningInventory["told"] = [];
  const context = {
    outbox,
    topics: {
      toPlayer: ({ account, message }: PlayerEvent): void =>
        void told.push({ account, event: message as Changed }),
    },
    worldNow,
    rules: { offersMax: 20, tradeMinAgeHours: 0, plaques: true, ...rules },
    logger,
    metrics: createInventoryMetrics(metrics),
  };
  const running: RunningDomain = startDomain({
    producer,
    postgresUrl: database.url,
    queues,
    descriptors: contracts,
    ...createInventoryHandlers(context, ledgerEventsOf(game)),
    outbox,
    // No table ever comes: what goes to hexes stays in the outbox, to be looked at.
    routes: createProducerRoutes(),
    bus,
    worldNow,
    resultRetentionHours: 72,
    logger,
    metrics,
  });
  const ended: EndHold[] = [];
  let letters = 0;
  const heard = [
    ...queuesOfService("market").map((queue) => ({ queue, isMarket: true })),
    { queue: "cmd.router", isMarket: false },
  ];
  await Promise.all(
    heard.map(({ queue, isMarket }) =>
      bus.consume(queue, {
        prefetch: 1,
        onDelivery(delivery) {
          for (const bytes of decodeBatch(delivery.body).envelopes) {
            if (isMarket) ended.push(fromBinary(EndHoldSchema, decodeEnvelope(bytes).payload));
            else letters++;
          }
          delivery.ack();
        },
      }),
    ),
  );
  const requester = createRequester({ bus, name: "test.reply", pendingMax: 100_000 });

  const envelope: RunningInventory["envelope"] = (schema, init, by) => {
    const { type, messageVersion, kind } = registry.bySchema(schema);
    const service = by.service ?? "gateway";
    const account = service === "gateway" ? by.account : undefined;
    const subject = uuidText(by.account ?? new Uint8Array(16));
    const requestId = by.requestId ?? uuidv7Bytes();
    const isEvent = kind === "event";
    return encodeEnvelope({
      type,
      messageVersion,
      requestId: isEvent ? undefined : requestId,
      eventId: isEvent ? requestId : uuidv7Bytes(),
      producer: { service, version: "1", instance: `${service}-1` },
      tsMs: Date.now(),
      idempotencyKey: isEvent
        ? undefined
        : idempotencyKeyOf({
            accountId: account,
            requestId,
            type,
            target: Buffer.from(subject),
          }),
      accountId: account,
      payload: toBinary(schema, create(schema, init)),
      subject,
    });
  };

  const send: RunningInventory["send"] = async (schema, init, by) => {
    const bytes = envelope(schema, init, by);
    const { eventId, subject } = decodeEnvelope(bytes);
    const outcome = await requester.request({
      to: domainQueueOf("inventory", subject),
      envelope: bytes,
      eventId,
      timeoutMs: 20_000,
    });
    if (outcome.case !== "answered") throw new Error(`${outcome.case}: no answer`);
    return outcome.answer.outcome;
  };

  const sendBatch: RunningInventory["sendBatch"] = async (subject, envelopes) => {
    const outcome = await bus.publish(domainQueueOf("inventory", subject), {
      type: "batch.v1",
      body: encodeBatch({ routeVersion: 0n, envelopes }),
    });
    if (outcome !== "confirmed") throw new Error(outcome);
  };

  return {
    database,
    metrics,
    setClockAheadMs: (ms) => void (aheadMs = ms),
    async newAccount() {
      const accountId = uuidv7Bytes();
      const event = { accountId, name: uuidText(accountId), atMs: BigInt(Date.now()) };
      const by = { service: "accounts", account: accountId };
      await sendBatch(uuidText(accountId), [envelope(RegisteredSchema, event, by)]);
      return accountId;
    },
    async grant(accountId, asset, amount) {
      const given = { accountId, asset, amount, reason: "test", grantId: uuidv7Bytes() };
      const { case: outcome } = await send(GrantSchema, given, {
        service: "host",
        account: accountId,
      });
      if (outcome !== "applied") throw new Error(`the grant was ${outcome}`);
    },
    send,
    envelope,
    sendBatch,
    ended,
    told,
    async toHexes() {
      const { rows } = await database.admin.query<{ envelope: Buffer }>(
        "SELECT envelope FROM inventory.outbox WHERE destination = 'hex' ORDER BY position",
      );
      return rows.map((row) => decodeEnvelope(row.envelope));
    },
    async balances(account) {
      const { rows } = await database.admin.query<{ kind: string; asset: string; amount: string }>(
        `SELECT kind, asset, amount FROM inventory.ledger_account JOIN inventory.balance USING (ledger_account_id)
         WHERE owner = $1 AND amount > 0 ORDER BY asset, kind DESC`,
        [uuidText(account)],
      );
      return Object.fromEntries(
        rows.map(({ kind, asset, amount }) => [
          kind === "player" ? asset : `${asset} held`,
          amount,
        ]),
      );
    },
    async letters() {
      // Letters go by the outbox: until it has none for the router.
      for (;;) {
        const { rows } = await database.admin.query(
          "SELECT 1 FROM inventory.outbox WHERE destination = 'router' LIMIT 1",
        );
        if (rows.length === 0) return letters;
        await pause(20);
      }
    },
    async close() {
      requester.close();
      await running.stop();
      await bus.close();
      await database.close();
    },
  };
}
