/** A database with the schema of governance, and instances of governance that work on it without a broker. */
import path from "node:path";
import { create, type Message } from "@bufbuild/protobuf";
import {
  type CommandOutcome,
  createDueStore,
  type DomainMessage,
  type DueTimer,
  inTransactionWithWork,
  type Transaction,
} from "@hexhold/domain";
import { type Envelope, EnvelopeSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { PlayerEnteredSchema, PlayerSpawnedSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { OwnerChangedSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { type Gathered, GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { parseKeyText } from "@hexhold/hex";
import { decodeEnvelope, uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { migrate, openPool, type PgPool } from "@hexhold/postgres";
import { createLogger, createMetrics, type Metrics } from "@hexhold/telemetry";
import { freshDatabase } from "@hexhold/testing";
import {
  createGovernance,
  type Governance,
  type GovernancePorts,
  type GovernanceRules,
} from "../src/create-governance.ts";
import { governanceConfigSchema } from "../src/governance-config.ts";
import { createGovernanceMetrics } from "../src/governance-metrics.ts";
import { checkContributions, type StandingEvent } from "../src/rules/standing-events.ts";
import type { GovernanceWork } from "../src/work/governance-work.ts";

const directory = path.resolve(import.meta.dirname, "../../../infra/pg_migrations");

/** Noon, world time. */
export const startMs = Date.UTC(2027, 5, 15, 12);
export const dayMs = 86_400_000;
export const hex = "861f1d48fffffff";
export const elsewhere = "861f1d487ffffff";

/** An event of a game that is worth what was gathered. */
export const gathered: StandingEvent = {
  type: "evt.hex.gathered",
  schema: GatheredSchema,
  contributionsOf(event) {
    const { playerId: accountId, amount, atMs } = event as Gathered;
    return checkContributions(this.type, [{ accountId, value: amount, atMs }]);
  },
};

export interface Told {
  /** `council/…`, or an account. */
  readonly to: string;
  readonly what: string;
  readonly message: Message;
}

export interface TestGovernance {
  /** Handles one batch in one transaction; outcomes of its commands by position. */
  run(...messages: readonly DomainMessage[]): Promise<CommandOutcome[]>;
  /** As `run`, and does what `before` does when all is handled, before the commit. */
  runHeld(
    before: () => Promise<void>,
    ...messages: readonly DomainMessage[]
  ): Promise<CommandOutcome[]>;
  /** Takes what is due of a kind, as the runner of timers does; how many. */
  timers(kind: "close" | "apply"): Promise<number>;
  /** Handles timers as if they were due; nothing is taken. */
  fire(
    kind: "close" | "apply",
    ids: readonly string[],
    before?: () => Promise<void>,
  ): Promise<void>;
  readonly told: readonly Told[];
  readonly governance: Governance;
  metric(name: string): Promise<number>;
}

export interface GovernanceDatabase {
  /** Of the role hexhold_governance. */
  readonly url: string;
  /** Of a superuser. */
  readonly adminUrl: string;
  /** Role hexhold_governance. */
  readonly pool: PgPool;
  readonly admin: PgPool;
  /** World time, set by tests. */
  nowMs: number;
  open(rules?: Partial<GovernanceRules>): TestGovernance;
  rows<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Envelopes in the outbox, in their order; they stay there. */
  sent(): Promise<Envelope[]>;
  close(): Promise<void>;
}

export async function openGovernanceDatabase(): Promise<GovernanceDatabase> {
  const database = await freshDatabase();
  await migrate({
    adminUrl: database.url,
    directory,
    passwordOf: () => decodeURIComponent(new URL(database.url).password),
  });
  const url = new URL(database.url);
  url.username = "hexhold_governance";
  const pool = openPool({ url: url.href, applicationName: "test" }, 8);
  const admin = openPool({ url: database.url, applicationName: "test" }, 2);
  const rows = async <Row>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await admin.query(text, values)).rows as Row[];
  const opened: GovernanceDatabase = {
    url: url.href,
    adminUrl: database.url,
    pool,
    admin,
    nowMs: startMs,
    open: (rules = {}) => openGovernance(pool, rules, () => opened.nowMs),
    rows,
    async sent() {
      const sent = await rows<{ envelope: Buffer }>(
        "SELECT envelope FROM governance.outbox ORDER BY position",
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

/** The rules of these tests: a day for an election, no ages. */
export function testRules(rules: Partial<GovernanceRules> = {}): GovernanceRules {
  return governanceConfigSchema.parse({
    instance: "governance-1",
    postgresUrl: "postgres://unused",
    game: { module: "unused", options: {} },
    residenceMs: 0,
    accountAgeMs: 0,
    ...rules,
  });
}

/** Metrics without gauges that ask a database. */
export function testMetrics(metrics: Metrics) {
  const unasked = (): Promise<void> => Promise.resolve();
  return createGovernanceMetrics(metrics, { open: unasked, unapplied: unasked });
}

function openGovernance(
  pool: PgPool,
  rules: Partial<GovernanceRules>,
  worldNow: () => number,
): TestGovernance {
  const metrics = createMetrics({ processMetrics: false });
  const told: Told[] = [];
  const topics: GovernancePorts["topics"] = {
    toPlayer: ({ account: to, schema, message }) =>
      void told.push({ to, what: schema.name, message }),
    toTopic: ({ topic: to, schema, message }) => void told.push({ to, what: schema.name, message }),
  };
  const governance = createGovernance(testRules(rules), [gathered], {
    worldNow,
    topics,
    logger: createLogger({ service: "governance", instance: "test", level: "silent" }),
    metrics: testMetrics(metrics),
  });
  const handlers = new Map(
    governance.handlers.map((handler) => [handler.schema.typeName, handler]),
  );
  const due = createDueStore("governance");
  const inWork = <T>(run: (transaction: Transaction, work: GovernanceWork) => Promise<T>) =>
    inTransactionWithWork(pool, () => governance.newWork(), run);

  const apply = (
    messages: readonly DomainMessage[],
    before?: () => Promise<void>,
  ): Promise<CommandOutcome[]> =>
    inWork(async (transaction, work) => {
      await work.prepare(transaction, messages);
      const outcomes: CommandOutcome[] = [];
      for (const message of messages) {
        const handler = handlers.get(message.message.$typeName);
        if (handler === undefined) throw new TypeError(message.message.$typeName);
        if (handler.kind === "event") await handler.handle(transaction, [message], work);
        else {
          const given = [{ ...message, sender: Sender.CLIENT }];
          outcomes.push(...(await handler.handle(transaction, given, work)));
        }
      }
      await before?.();
      return outcomes;
    });
  const handle = (
    transaction: Transaction,
    kind: string,
    timers: DueTimer[],
    work: GovernanceWork,
  ) => governance.timers.find((timer) => timer.kind === kind)!.handle(transaction, timers, work);

  return {
    governance,
    told,
    run: (...messages) => apply(messages),
    runHeld: (before, ...messages) => apply(messages, before),
    timers: (kind) =>
      inWork(async (transaction, work) => {
        const timers = await due.take(transaction, kind, worldNow(), 128);
        if (timers.length > 0) await handle(transaction, kind, [...timers], work);
        return timers.length;
      }),
    fire: (kind, ids, before) =>
      inWork(async (transaction, work) => {
        const timers = ids.map((id) => ({ id: uuidBytes(id), dueMs: worldNow(), failures: 0 }));
        await handle(transaction, kind, timers, work);
        await before?.();
      }),
    async metric(name) {
      const lines = (await metrics.metricsText()).split("\n");
      const found = lines.filter((line) => line.startsWith(name));
      return found.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    },
  };
}

/** An account as old as the world is. */
export function newAccount(ms = startMs - 30 * dayMs): string {
  return uuidText(uuidv7Bytes(ms));
}

/** A command of an account. */
export function commandOf(message: Message, account: string): DomainMessage {
  const requestId = uuidv7Bytes();
  const ids = { eventId: requestId, requestId, accountId: uuidBytes(account) };
  return { message, envelope: create(EnvelopeSchema, ids) };
}

/** An event of a hex. */
export function eventOf(message: Message, of = hex, eventId = uuidv7Bytes()): DomainMessage {
  const producer = { service: "worker", version: "1", instance: "worker-1" };
  const { hexId, layerId } = parseKeyText(of);
  return {
    message,
    envelope: create(EnvelopeSchema, { eventId, producer, key: { hexId, layerId } }),
  };
}

export const spawned = (account: string, of = hex, atMs = startMs - dayMs): DomainMessage =>
  eventOf(create(PlayerSpawnedSchema, { playerId: uuidBytes(account), atMs: BigInt(atMs) }), of);

export const entered = (
  account: string,
  { of = hex, number = 0n, atMs = startMs }: { of?: string; number?: bigint; atMs?: number } = {},
): DomainMessage => {
  const playerId = uuidBytes(account);
  return eventOf(create(PlayerEnteredSchema, { playerId, number, atMs: BigInt(atMs) }), of);
};

/** What somebody has done for a hex. */
export const worth = (
  account: string,
  amount: number,
  { of = hex, atMs = startMs, eventId = uuidv7Bytes() } = {},
): DomainMessage => {
  const message = create(GatheredSchema, {
    playerId: uuidBytes(account),
    amount: BigInt(amount),
    atMs: BigInt(atMs),
  });
  return eventOf(message, of, eventId);
};

export const ownerChanged = (
  number: bigint,
  owner: string,
  { of = hex, atMs = startMs } = {},
): DomainMessage =>
  eventOf(create(OwnerChangedSchema, { number, owner: uuidBytes(owner), atMs: BigInt(atMs) }), of);

/** What a command came to, in a word. */
export function said(outcome: CommandOutcome | undefined): string {
  return outcome?.kind === "refused" ? outcome.reason : (outcome?.kind ?? "nothing");
}
