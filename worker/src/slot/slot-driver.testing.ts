/**
 * A slot's driver under test. The steps of docs/models, CommitFence, in a slot's driver: a real PostgreSQL whose locks and connections the tests
 * hold and break, the bus of one process, the rules in this thread.
 */
import { randomBytes } from "node:crypto";
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Game } from "@hexhold/actor";
import { type Answer, AnswerBatchSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { EnterSchema, SpawnSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { GatherSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { keyBytes, parseKeyText } from "@hexhold/hex";
import {
  type BatchOrigin,
  type Bus,
  createMemoryBus,
  createMessageRegistry,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  MemoryBroker,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { openConnection, openPool, type PgClient, type PgPool } from "@hexhold/postgres";
import { createGame } from "@hexhold/reference-game";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import type { FreshDatabase } from "@hexhold/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import { createHotHexes } from "../hot-hexes.ts";
import { migratedDatabase } from "../journal/world-database.testing.ts";
import { createInlineRulesHost } from "../rules/rules-hosts/inline.ts";
import { createWorkerMetrics } from "../worker-metrics.ts";
import { createReplySender } from "./reply-sender.ts";
import { type SlotEnd, SlotRunner } from "./slot-runner.ts";

export const slot = "cmd.p2";
export const key = parseKeyText("861f1d48fffffff");
export const account = uuidv7Bytes();
export const replyTo = "gw.test.reply";
export const game = createGame({});
const registry = createMessageRegistry(game.descriptors);

let database: FreshDatabase;
export let pool: PgPool;
export let admin: PgClient;
export let broker: MemoryBroker;
export let answers: Answer[];
export let ends: SlotEnd[];
export let runner: SlotRunner;
/** What a worker loses when it dies. */
export let life: { readonly bus: Bus; isOver: boolean };
export let rulesOf: ReturnType<typeof createInlineRulesHost>;

/** Sets up what is below for the tests of a file. */
export function useSlotDriver(): void {
  beforeAll(async () => {
    database = await migratedDatabase();
    pool = openPool({ url: database.url, applicationName: "test-pool" }, 2);
    admin = await openConnection({ url: database.url, applicationName: "test-admin" });
  });
  afterAll(async () => {
    await admin.end();
    await pool.end();
    await database.drop();
  });
  beforeEach(async () => {
    await admin.query(
      "TRUNCATE world.slot, world.hex_head, world.journal, world.command_result, world.outbox, world.timer, world.quarantined_hex, world.suspect_attempt",
    );
    broker = new MemoryBroker();
    broker.declareQueue(slot, 100);
    answers = [];
    ends = [];
    await createMemoryBus(broker).openInbox({
      name: replyTo,
      lengthMax: 100,
      onMessage: ({ body }) => void answers.push(...fromBinary(AnswerBatchSchema, body).answers),
    });
  });
  afterEach(async () => {
    await admin.query("ROLLBACK");
    await runner.release("the test is over", () => Promise.resolve());
  });
}

/** The game with a rule that fails on every gather. */
export const failing: Game = {
  ...game,
  hex: {
    ...game.hex,
    decide(state, message, context) {
      if (message.$typeName === GatherSchema.typeName) throw new Error("a bad rule");
      return game.hex.decide(state, message, context);
    },
  },
};

/** A worker's driver of the slot, taken at `expected`. */
export async function start(
  expected = 0n,
  rules: Game = game,
  prepare: () => void = () => undefined,
): Promise<boolean> {
  const bus = createMemoryBus(broker);
  const own = { bus, isOver: false };
  life = own;
  rulesOf = createInlineRulesHost(rules, {
    random: () => randomBytes(16),
    world: { bounds: [], layers: [0] },
  });
  prepare();
  runner = new SlotRunner(
    slot,
    {
      bus,
      registry,
      stateFormat: 1,
      rules: rulesOf,
      spareRules: () => rulesOf,
      decideMsMax: 250,
      loadSnapshots: () => Promise.resolve(new Map()),
      connect: async (applicationName, onLost) => {
        if (own.isOver) throw new Error("this worker is dead");
        return openConnection({ url: database.url, applicationName }, onLost);
      },
      pool,
      routes: () => undefined,
      views: { publish: () => undefined, publishMarks: () => undefined },
      outbox: { send: () => Promise.resolve("confirmed") },
      // Each commit alone: the group is tested by itself.
      group: { commit: () => Promise.resolve(undefined) },
      replies: createReplySender(bus),
      worldNow: () => Date.now(),
      worldFormat: () => 2,
      leaseTtlMs: 10_000,
      staleAfterMs: 3_600_000,
      identity: {
        service: "worker",
        version: "1",
        instance: "w",
        incarnation: uuidText(uuidv7Bytes()),
      },
      logger: createLogger({
        service: "worker",
        instance: "w",
        level: "fatal",
        destination: { write: () => undefined },
      }),
      metrics: createWorkerMetrics(createMetrics()),
      hotHexes: createHotHexes(0),
    },
    { serving: () => undefined, ended: (end) => void ends.push(end) },
  );
  return runner.start(expected);
}

export interface Sent {
  readonly requestId: Uint8Array;
  readonly eventId: Uint8Array;
  readonly envelope: Uint8Array;
}

function command<T extends Message>(
  schema: GenMessage<T>,
  message: T,
  requestId: Uint8Array = uuidv7Bytes(),
  deadlineMs?: number,
): Sent {
  const { type } = registry.bySchema(schema);
  const isSpawn = type === "cmd.hex.spawn";
  const accountId = isSpawn ? undefined : account;
  const eventId = uuidv7Bytes();
  const envelope = encodeEnvelope({
    type,
    messageVersion: 1,
    key,
    requestId,
    eventId,
    correlationId: eventId,
    producer: { service: isSpawn ? "accounts" : "gateway", version: "1", instance: "g" },
    tsMs: Date.now(),
    deadlineMs,
    idempotencyKey: idempotencyKeyOf({ accountId, requestId, type, target: keyBytes(key) }),
    payload: toBinary(schema, message),
    ...(isSpawn ? {} : { accountId: account, sessionId: uuidv7Bytes() }),
  });
  return { requestId, eventId, envelope };
}

export const spawn = (): Sent => command(SpawnSchema, create(SpawnSchema, { playerId: account }));
export const enter = (): Sent => command(EnterSchema, create(EnterSchema));
export const gather = (requestId?: Uint8Array, deadlineMs?: number): Sent =>
  command(
    GatherSchema,
    create(GatherSchema, { resource: Resource.WOOD, amount: 3n }),
    requestId,
    deadlineMs,
  );

/** Resolves when the message is acked: the bus of one process confirms what was handled. */
export function publish(...commands: readonly Sent[]): Promise<unknown> {
  return publishFrom(undefined, ...commands);
}

/** The same as what a commit owed. */
export function publishFrom(
  origin: BatchOrigin | undefined,
  ...commands: readonly Sent[]
): Promise<unknown> {
  const envelopes = commands.map(({ envelope }) => envelope);
  return createMemoryBus(broker).publish(slot, {
    type: "batch.v1",
    body: encodeBatch({ routeVersion: 0n, envelopes, origin }),
    messageId: "m",
    replyTo,
  });
}

export async function answerTo({ eventId }: Sent): Promise<Answer> {
  return vi.waitFor(
    () => {
      const found = answers.find((answer) => Buffer.from(answer.commandEventId).equals(eventId));
      if (found === undefined) throw new Error("no answer yet");
      return found;
    },
    { timeout: 5000, interval: 5 },
  );
}

export async function journalTypes(): Promise<string[]> {
  const { rows } = await admin.query<{ type: string }>(
    "SELECT type FROM world.journal ORDER BY hex_version",
  );
  return rows.map(({ type }) => type.replace("evt.hex.", ""));
}

/** Holds the slot's row: commits wait. */
export async function holdCommits(): Promise<void> {
  await admin.query("BEGIN");
  await admin.query("SELECT FROM world.slot WHERE slot = $1 FOR UPDATE", [slot]);
}

/** Holds the journal: commits wait, and a slot can be taken meanwhile. */
export async function holdJournal(): Promise<void> {
  await admin.query("BEGIN");
  await admin.query("LOCK TABLE world.journal IN EXCLUSIVE MODE");
}

export async function untilCommitWaits(): Promise<void> {
  await vi.waitFor(
    async () => {
      const { rows } = await pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%commit_batch%'
           AND datname = current_database()`,
      );
      expect(rows).toHaveLength(1);
    },
    { timeout: 5000, interval: 10 },
  );
}

export const aWhile = async (): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, 150));
};

export async function epochNow(): Promise<bigint> {
  const { rows } = await admin.query<{ epoch: string }>("SELECT epoch FROM world.slot");
  return BigInt(rows[0]!.epoch);
}
