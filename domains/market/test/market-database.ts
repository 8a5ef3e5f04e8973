/** A database with the schema of the market, and instances of the market that work on it without a broker. */
import path from "node:path";
import { create, type Message } from "@bufbuild/protobuf";
import {
  type CommandOutcome,
  type DomainCommand,
  type DueTimer,
  inTransaction,
  inTransactionWithWork,
  type Transaction,
} from "@hexhold/domain";
import { type Envelope, EnvelopeSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { decodeEnvelope, uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { migrate, openPool, type PgPool, textArray } from "@hexhold/postgres";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { freshDatabase } from "@hexhold/testing";
import {
  createMarket,
  type Market,
  type MarketPorts,
  type MarketRules,
} from "../src/create-market.ts";
import { createMarketMetrics } from "../src/market-metrics.ts";
import { marketConfigSchema } from "../src/market-config.ts";

const directory = path.resolve(import.meta.dirname, "../../../infra/pg_migrations");

/** An hour, in the middle of a minute. */
export const startMs = 1_800_000_030_000;

export interface TestMarket {
  /** Handles one batch in one transaction; outcomes by position. */
  run(...commands: readonly TestCommand[]): Promise<CommandOutcome[]>;
  /** As `run`, and ends it with a rollback. */
  rollBack(...commands: readonly TestCommand[]): Promise<void>;
  /** Takes what is due of a kind, as the runner of timers does. */
  timers(kind: "ask" | "expire"): Promise<number>;
  readonly market: Market;
  metric(name: string): Promise<number>;
}

export interface TestCommand {
  readonly message: Message;
  readonly envelope: Envelope;
}

export interface MarketDatabase {
  /** Of the role hexhold_market. */
  readonly url: string;
  /** Role hexhold_market. */
  readonly pool: PgPool;
  readonly admin: PgPool;
  /** World time, set by tests. */
  nowMs: number;
  inTransaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** `newId`: of orders, trades and releases. */
  open(
    rules?: Partial<MarketRules>,
    pool?: PgPool,
    newId?: () => Uint8Array,
    topics?: MarketPorts["topics"],
  ): TestMarket;
  rows<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Envelopes in the outbox, in their order; they stay there. */
  sent(): Promise<Envelope[]>;
  close(): Promise<void>;
}

export async function openMarketDatabase(
  books: readonly string[] = ["wood", "stone", "food"],
): Promise<MarketDatabase> {
  const database = await freshDatabase();
  await migrate({
    adminUrl: database.url,
    directory,
    passwordOf: () => decodeURIComponent(new URL(database.url).password),
  });
  const url = new URL(database.url);
  url.username = "hexhold_market";
  const pool = openPool({ url: url.href, applicationName: "test" }, 8);
  const admin = openPool({ url: database.url, applicationName: "test" }, 2);
  await pool.query("SELECT market.add_books($1)", [textArray(books)]);
  const rows = async <Row>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await admin.query(text, values)).rows as Row[];
  const opened: MarketDatabase = {
    url: url.href,
    pool,
    admin,
    nowMs: startMs,
    inTransaction: (work) => inTransaction(pool, work),
    open: (rules = {}, own = pool, newId, topics = untold) =>
      openMarket(own, rules, () => opened.nowMs, newId, topics),
    rows,
    async sent() {
      const sent = await rows<{ envelope: Buffer }>(
        "SELECT envelope FROM market.outbox ORDER BY position",
      );
      return sent.map(({ envelope }) => decodeEnvelope(envelope));
    },
    async close() {
      await Promise.all([pool.end(), admin.end()]);
      await database.drop();
    },
  };
  return opened;
}

/** Nobody listens. */
export const untold: MarketPorts["topics"] = {
  toPlayer: () => undefined,
  toTopic: () => undefined,
};

class Undone extends Error {}

function openMarket(
  pool: PgPool,
  rules: Partial<MarketRules>,
  worldNow: () => number,
  newId: (() => Uint8Array) | undefined,
  topics: MarketPorts["topics"],
): TestMarket {
  const metrics = createMetrics({ processMetrics: false });
  const config = marketConfigSchema.parse({
    instance: "market-1",
    postgresUrl: "postgres://unused",
    minAgeHours: 0,
    ...rules,
  });
  const market = createMarket(config, {
    worldNow,
    ...(newId === undefined ? {} : { newId }),
    topics,
    logger: createLogger({ service: "market", instance: "test", level: "silent" }),
    metrics: createMarketMetrics(metrics, () => Promise.resolve()),
  });
  const handlers = new Map(market.handlers.map((handler) => [handler.schema.typeName, handler]));
  const apply = (commands: readonly TestCommand[], isUndone: boolean): Promise<CommandOutcome[]> =>
    inTransactionWithWork(
      pool,
      () => market.newWork(),
      async (transaction, work) => {
        await work.prepare(transaction, commands);
        const outcomes: CommandOutcome[] = [];
        for (const command of commands) {
          const handler = handlers.get(command.message.$typeName);
          if (handler?.kind !== "command") throw new TypeError(command.message.$typeName);
          const given: DomainCommand = { ...command, sender: Sender.UNSPECIFIED };
          outcomes.push(...(await handler.handle(transaction, [given], work)));
        }
        if (isUndone) {
          await work.flush(transaction);
          throw new Undone();
        }
        return outcomes;
      },
    );
  return {
    market,
    run: (...commands) => apply(commands, false),
    async rollBack(...commands) {
      await apply(commands, true).catch((error: unknown) => {
        if (!(error instanceof Undone)) throw error;
      });
    },
    timers: (kind) =>
      inTransactionWithWork(
        pool,
        () => market.newWork(),
        async (transaction, work) => {
          const handler = market.timers.find((timer) => timer.kind === kind)!;
          const taken = await transaction.query<{ id: string; due_ms: string }>({
            text: `DELETE FROM market.due WHERE (kind, id) IN (
              SELECT kind, id FROM market.due WHERE kind = $1 AND due_at <= to_timestamp($2::float8 / 1000)
              FOR UPDATE SKIP LOCKED)
            RETURNING id::text, (extract(epoch FROM due_at) * 1000)::bigint::text AS due_ms`,
            values: [kind, worldNow()],
          });
          const timers = taken.map(({ id, due_ms: dueMs }): DueTimer => ({
            id: new Uint8Array(Buffer.from(id.replaceAll("-", ""), "hex")),
            dueMs: Number(dueMs),
            failures: 0,
          }));
          if (timers.length > 0) await handler.handle(transaction, timers, work);
          return timers.length;
        },
      ),
    async metric(name) {
      const lines = (await metrics.metricsText()).split("\n");
      const found = lines.filter((line) => line.startsWith(name));
      return found.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    },
  };
}

/** An account as old as the world is. */
export function newAccount(ms = startMs - 86_400_000 * 30): string {
  return uuidText(uuidv7Bytes(ms));
}

/** A message of an account, or of a service. */
export function commandOf(message: Message, account?: string): TestCommand {
  const requestId = uuidv7Bytes();
  const accountId = account === undefined ? {} : { accountId: uuidBytes(account) };
  return {
    message,
    envelope: create(EnvelopeSchema, { eventId: requestId, requestId, ...accountId }),
  };
}
