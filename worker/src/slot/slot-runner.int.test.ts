/**
 * The steps of docs/models, CommitFence, in a slot's driver: a real PostgreSQL whose locks and connections the tests
 * hold and break, the bus of one process, the rules in this thread.
 */
import { randomBytes } from "node:crypto";
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Game } from "@hexhold/actor";
import {
  type Answer,
  AnswerBatchSchema,
  ErrorCode,
} from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { EnterSchema, GatherSchema, SpawnSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { keyBytes, parseKeyText } from "@hexhold/hex";
import {
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
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { createHotHexes } from "../hot-hexes.ts";
import { migratedDatabase } from "../journal/world-database.testing.ts";
import { createInlineRulesHost } from "../rules/rules-hosts/inline.ts";
import { createWorkerMetrics } from "../worker-metrics.ts";
import { createReplySender } from "./reply-sender.ts";
import { type SlotEnd, SlotRunner } from "./slot-runner.ts";

const slot = "cmd.p2";
const key = parseKeyText("861f1d48fffffff");
const account = uuidv7Bytes();
const replyTo = "gw.test.reply";
const game = createGame({});
const registry = createMessageRegistry(game.descriptors);

let database: FreshDatabase;
let pool: PgPool;
let admin: PgClient;
let broker: MemoryBroker;
let answers: Answer[];
let ends: SlotEnd[];
let runner: SlotRunner;
/** What a worker loses when it dies. */
let life: { readonly bus: Bus; isOver: boolean };
let rulesOf: ReturnType<typeof createInlineRulesHost>;

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

/** The game with a rule that fails on every gather. */
const failing: Game = {
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
async function start(
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

interface Sent {
  readonly requestId: Uint8Array;
  readonly eventId: Uint8Array;
  readonly envelope: Uint8Array;
}

function command<T extends Message>(
  schema: GenMessage<T>,
  message: T,
  requestId: Uint8Array = uuidv7Bytes(),
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
    idempotencyKey: idempotencyKeyOf({ accountId, requestId, type, target: keyBytes(key) }),
    payload: toBinary(schema, message),
    ...(isSpawn ? {} : { accountId: account, sessionId: uuidv7Bytes() }),
  });
  return { requestId, eventId, envelope };
}

const spawn = (): Sent => command(SpawnSchema, create(SpawnSchema, { playerId: account }));
const enter = (): Sent => command(EnterSchema, create(EnterSchema));
const gather = (requestId?: Uint8Array): Sent =>
  command(GatherSchema, create(GatherSchema, { resource: Resource.WOOD, amount: 3n }), requestId);

/** Resolves when the message is acked: the bus of one process confirms what was handled. */
function publish(...commands: readonly Sent[]): Promise<unknown> {
  return createMemoryBus(broker).publish(slot, {
    type: "batch.v1",
    body: encodeBatch({ routeVersion: 0n, envelopes: commands.map(({ envelope }) => envelope) }),
    messageId: "m",
    replyTo,
  });
}

async function answerTo({ eventId }: Sent): Promise<Answer> {
  return vi.waitFor(
    () => {
      const found = answers.find((answer) => Buffer.from(answer.commandEventId).equals(eventId));
      if (found === undefined) throw new Error("no answer yet");
      return found;
    },
    { timeout: 5000, interval: 5 },
  );
}

async function journalTypes(): Promise<string[]> {
  const { rows } = await admin.query<{ type: string }>(
    "SELECT type FROM world.journal ORDER BY hex_version",
  );
  return rows.map(({ type }) => type.replace("evt.hex.", ""));
}

/** Holds the slot's row: commits wait. */
async function holdCommits(): Promise<void> {
  await admin.query("BEGIN");
  await admin.query("SELECT FROM world.slot WHERE slot = $1 FOR UPDATE", [slot]);
}

/** Holds the journal: commits wait, and a slot can be taken meanwhile. */
async function holdJournal(): Promise<void> {
  await admin.query("BEGIN");
  await admin.query("LOCK TABLE world.journal IN EXCLUSIVE MODE");
}

async function untilCommitWaits(): Promise<void> {
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

const aWhile = async (): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, 150));
};

it("neither answers nor acks before the commit, and does both after it", async () => {
  await start();
  await holdCommits();
  const born = spawn();
  let acked = false;
  const handled = publish(born).then(() => (acked = true));
  await untilCommitWaits();
  await aWhile();
  expect({ acked, answers }).toEqual({ acked: false, answers: [] });
  await admin.query("COMMIT");
  await handled;
  expect((await answerTo(born)).outcome.case).toBe("applied");
  expect(await journalTypes()).toEqual(["player-spawned"]);
});

it("a command whose owner dies before the commit comes to the next one, and is applied once", async () => {
  await start();
  const first = await epochNow();
  await holdCommits();
  const born = spawn();
  const handled = publish(born);
  await untilCommitWaits();
  await die();
  expect(answers).toEqual([]);
  await start(await epochNow());
  await handled;
  const answer = await answerTo(born);
  expect(answer.outcome.case).toBe("applied");
  expect(answer.epoch).toBe(first + 1n);
  expect(await journalTypes()).toEqual(["player-spawned"]);
});

/** As the death of a worker whose commits are held up: its connections end, and nothing is acked or given back. */
async function die(): Promise<void> {
  life.isOver = true;
  // Gone, not only told to go: a commit that is let free now must not be taken for one of the next worker.
  await pool.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE application_name LIKE 'worker:%' AND datname = current_database()`,
  );
  await admin.query("COMMIT");
  await life.bus.close();
}

/** How many messages each commit stored, as transactions of the journal. */
async function commitSizes(): Promise<number[]> {
  const { rows } = await admin.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM world.journal GROUP BY xmin ORDER BY min(hex_version)",
  );
  return rows.map(({ n }) => n);
}

async function attempts(): Promise<number[]> {
  const { rows } = await pool.query<{ attempts: number }>(
    "SELECT attempts FROM world.suspect_attempt ORDER BY attempts",
  );
  return rows.map((row) => row.attempts);
}

it("what a dead worker had in hand is tried together, with an attempt noted on each meanwhile", async () => {
  await start();
  await holdCommits();
  const commands = [spawn(), enter(), gather()];
  const handled = publish(...commands);
  await untilCommitWaits();
  expect(await attempts()).toEqual([]);
  await die();
  await start(await epochNow());
  await handled;
  for (const each of commands) expect((await answerTo(each)).outcome.case).toBe("applied");
  expect(await commitSizes()).toEqual([3]);
  expect(await attempts()).toEqual([]);
});

it("when the next worker dies too, each is tried alone", async () => {
  await start();
  const commands = [spawn(), enter(), gather()];
  await holdJournal();
  const handled = publish(...commands);
  await untilCommitWaits();
  await die();
  await holdJournal();
  await start(await epochNow());
  await untilCommitWaits();
  expect(await attempts()).toEqual([1, 1, 1]);
  await die();
  await start(await epochNow());
  await handled;
  for (const each of commands) expect((await answerTo(each)).outcome.case).toBe("applied");
  expect(await commitSizes()).toEqual([1, 1, 1]);
  expect(await attempts()).toEqual([1, 1, 1]);
});

it("a command over which five workers died is dead-lettered, and those beside it are not", async () => {
  await start();
  const [born, doomed, entering] = [spawn(), gather(), enter()] as const;
  await holdCommits();
  const handled = publish(born, doomed, entering);
  await untilCommitWaits();
  await die();
  await admin.query("INSERT INTO world.suspect_attempt VALUES ($1, $2, 5)", [
    idempotencyKeyOf({
      accountId: account,
      requestId: doomed.requestId,
      type: "cmd.hex.gather",
      target: keyBytes(key),
    }),
    slot,
  ]);
  await start(await epochNow());
  await handled;
  expect((await answerTo(doomed)).outcome).toMatchObject({
    case: "error",
    value: { errorCode: ErrorCode.DEAD_LETTERED },
  });
  for (const each of [born, entering]) {
    expect((await answerTo(each)).outcome.case).toBe("applied");
  }
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered"]);
  const { rows } = await admin.query("SELECT 1 FROM world.outbox WHERE destination = 'router'");
  expect(rows).toHaveLength(1);
});

it("a command that makes the driver fail is dead-lettered after five attempts, as one that kills it", async () => {
  const fail = (): void => {
    const decide = rulesOf.decide.bind(rulesOf);
    rulesOf.decide = async (...given) => {
      if (given[2].some(({ type }) => type === "cmd.hex.gather")) throw new Error("a defect");
      return decide(...given);
    };
  };
  await start(0n, game, fail);
  const [born, doomed] = [spawn(), gather()] as const;
  const handled = publish(born, doomed);
  const seen: number[][] = [];
  // The one that had it first, and five attempts.
  for (let death = 1; death <= 6; death++) {
    await vi.waitFor(() => expect(ends).toHaveLength(death), { timeout: 5000, interval: 5 });
    seen.push(await attempts());
    await start(await epochNow(), game, fail);
  }
  await handled;
  expect(seen).toEqual([[], [1, 1], [1, 2], [1, 3], [1, 4], [1, 5]]);
  expect((await answerTo(doomed)).outcome).toMatchObject({
    case: "error",
    value: { errorCode: ErrorCode.DEAD_LETTERED },
  });
  expect(await journalTypes()).toEqual(["player-spawned"]);
});

async function epochNow(): Promise<bigint> {
  const { rows } = await admin.query<{ epoch: string }>("SELECT epoch FROM world.slot");
  return BigInt(rows[0]!.epoch);
}

it("a commit without an answer: a new epoch first, then the command again, once", async () => {
  await start();
  const first = await epochNow();
  await publish(spawn(), enter());
  await holdCommits();
  const taking = gather();
  const handled = publish(taking);
  await untilCommitWaits();
  await pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name LIKE 'worker:%' AND datname = current_database()`,
  );
  await admin.query("COMMIT");
  await handled;
  const answer = await answerTo(taking);
  expect(answer.outcome.case).toBe("applied");
  expect(answer.epoch).toBeGreaterThan(first);
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered", "gathered"]);
  expect(ends).toEqual([]);
});

it("every answer of the rules is stored: the next owner repeats it, applied or refused", async () => {
  await start();
  await publish(spawn());
  const early = gather();
  await publish(early);
  const entering = enter();
  await publish(entering);
  const taking = gather();
  await publish(taking);
  expect((await answerTo(early)).outcome).toMatchObject({
    case: "refused",
    value: { reason: "offline" },
  });
  await runner.release("another takes it", () => Promise.resolve());
  await start(await epochNow());
  // Now it would be applied, but it has been answered.
  const earlyAgain = gather(early.requestId);
  const takingAgain = gather(taking.requestId);
  await publish(earlyAgain, takingAgain);
  expect(await answerTo(earlyAgain)).toMatchObject({
    replayed: true,
    outcome: { case: "refused", value: { reason: "offline" } },
  });
  expect(await answerTo(takingAgain)).toMatchObject({
    replayed: true,
    outcome: (await answerTo(taking)).outcome,
  });
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered", "gathered"]);
});

it("a dead letter is an answer like any other: stored, and repeated though the rules are mended", async () => {
  await start(0n, failing);
  await publish(spawn(), enter());
  const doomed = gather();
  await publish(doomed);
  const error = { case: "error", value: { errorCode: ErrorCode.DEAD_LETTERED } };
  expect((await answerTo(doomed)).outcome).toMatchObject(error);
  await runner.release("mended", () => Promise.resolve());
  await start(await epochNow());
  const again = gather(doomed.requestId);
  await publish(again);
  expect(await answerTo(again)).toMatchObject({ replayed: true, outcome: error });
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered"]);
  const { rows } = await admin.query("SELECT 1 FROM world.outbox WHERE destination = 'router'");
  expect(rows).toHaveLength(1);
});

it("a slot that is given up while it is being taken is given back, and not served", async () => {
  const taking = start();
  const released = runner.release("the worker stops", () => Promise.resolve());
  await Promise.all([taking, released]);
  const { rows } = await admin.query("SELECT released FROM world.slot");
  expect(rows).toEqual([{ released: true }]);
  expect(ends).toEqual(["released"]);
  expect(broker.depths().find(({ name }) => name === slot)?.consumers).toBe(0);
});

it("a hex that cannot be activated is marked, and the mark goes when it can", async () => {
  const marks = async (): Promise<number> =>
    (await admin.query("SELECT 1 FROM world.quarantined_hex")).rows.length;
  await start();
  await publish(spawn());
  await runner.release("looked at", () => Promise.resolve());
  await admin.query("UPDATE world.journal SET type = 'evt.hex.nonsense'");
  await start(await epochNow());
  const refused = enter();
  await publish(refused);
  expect((await answerTo(refused)).outcome).toMatchObject({
    case: "error",
    value: { errorCode: ErrorCode.UNAVAILABLE, reason: "hex-quarantined" },
  });
  expect(await marks()).toBe(1);
  await runner.release("mended", () => Promise.resolve());
  await admin.query("UPDATE world.journal SET type = 'evt.hex.player-spawned'");
  await start(await epochNow());
  await vi.waitFor(() => expect(runner.table.marked.size).toBe(1), { timeout: 5000 });
  const entering = enter();
  await publish(entering);
  expect((await answerTo(entering)).outcome.case).toBe("applied");
  expect(await marks()).toBe(0);
});

it("a key that comes twice in one message has one effect and one answer", async () => {
  await start();
  const taking = gather();
  const again = gather(taking.requestId);
  await publish(spawn(), enter(), taking, again);
  expect((await answerTo(again)).replayed).toBe(true);
  expect((await answerTo(again)).outcome).toEqual((await answerTo(taking)).outcome);
  expect(await journalTypes()).toEqual(["player-spawned", "player-entered", "gathered"]);
});

it("whose slot was taken by another commits nothing more, acks nothing, and ends", async () => {
  await start();
  await publish(spawn());
  await admin.query("SELECT world.take_slot($1, $2, 'other#1')", [slot, await epochNow()]);
  const late = enter();
  void publish(late);
  await vi.waitFor(() => expect(ends).toEqual(["fenced"]), { timeout: 5000, interval: 10 });
  expect(answers.some((answer) => Buffer.from(answer.commandEventId).equals(late.eventId))).toBe(
    false,
  );
  expect(broker.depths()).toMatchObject([{ ready: 1, unacked: 0 }]);
  expect(await journalTypes()).toEqual(["player-spawned"]);
});

it("a grant that comes too late takes nothing: nothing is consumed and nothing loaded", async () => {
  await start();
  await publish(spawn());
  const epoch = await epochNow();
  await runner.release("another takes it", () => Promise.resolve());
  await admin.query("SELECT world.take_slot($1, $2, 'other#1')", [slot, epoch]);
  const waiting = enter();
  void publish(waiting);
  expect(await start(epoch)).toBe(false);
  await aWhile();
  expect(broker.depths()).toMatchObject([{ ready: 1, unacked: 0, consumers: 0 }]);
  expect(await rulesOf.capture(slot, ["861f1d48fffffff"])).toEqual([]);
});
