/**
 * What a worker does before it says that it is ready: it takes a slot that nobody has, activates hexes that are not in
 * the world, decides, commits and answers, all by the code that will serve players, and in a transaction that is never
 * committed. A process that begins with players is slow for its first tens of seconds when processors are scarce: every
 * function is run uncompiled, every statement is planned.
 */
import { randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Game, Sample } from "@hexhold/actor";
import { AnswerBatchSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { diskOf, type Key, keyBytes } from "@hexhold/hex";
import {
  createMemoryBus,
  encodeBatch,
  encodeEnvelope,
  idempotencyKeyOf,
  MemoryBroker,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { dropConnection, type PgClient, type PgPool } from "@hexhold/postgres";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { createHotHexes } from "../hot-hexes.ts";
import { commitTogether } from "../journal/commit-batch.ts";
import { createOutboxSender } from "../outbox/outbox-sender.ts";
import { createReplySender } from "../slot/reply-sender.ts";
import type { SlotPorts } from "../slot/slot-ports.ts";
import { SlotRunner } from "../slot/slot-runner.ts";
import { createViewPublisher } from "../view/view-publisher.ts";
import { createWorkerMetrics } from "../worker-metrics.ts";

export interface WarmUpOptions {
  readonly game: Game;
  /** Of the worker: registry, rules, snapshots and identity are used as they are, the rest is replaced. */
  readonly ports: Pick<
    SlotPorts,
    | "registry"
    | "stateFormat"
    | "rules"
    | "loadSnapshots"
    | "identity"
    | "leaseTtlMs"
    | "staleAfterMs"
  >;
  readonly connect: () => Promise<PgClient>;
  /** Ends when it has lasted so long, */
  readonly msMax: number;
  /** or when this is aborted. */
  readonly signal: AbortSignal;
}

export interface WarmUpReport {
  readonly commands: number;
  /** Of them: one that is refused warms little. */
  readonly applied: number;
  /** Of the first round and of the last: what was gained. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Layers that no world has; one of them is drawn, so that two workers that warm up do not wait for each other's keys. */
const nowhere = { from: 0xf000_0000, to: 0xffff_ffff };
/** A round that lasts so much longer than the warm-up may has failed: nobody waits for it. */
const overtimeMsMax = 2000;
const somewhere = 0x861f1d48fffffffn;
const queueLengthMax = 1_000;
const playersPerHex = 4;
const hexesPerRound = 6;
const replyTo = "warm-up.reply";

/** Resolves when it is over; rejects when something of it failed, and nothing is left behind then either. */
export async function warmUp(options: WarmUpOptions): Promise<WarmUpReport> {
  const { game, ports, signal } = options;
  const samples = game.samples;
  if (samples === undefined || options.msMax === 0)
    return { commands: 0, applied: 0, firstMs: 0, lastMs: 0 };
  const slot = `warm-up:${ports.identity.instance}`;
  const broker = new MemoryBroker();
  broker.declareQueue(slot, queueLengthMax);
  const bus = createMemoryBus(broker);
  let applied = 0;
  const inbox = await bus.openInbox({
    name: replyTo,
    lengthMax: queueLengthMax,
    onMessage({ body }) {
      for (const { outcome } of fromBinary(AnswerBatchSchema, body).answers) {
        if (outcome.case === "applied") applied++;
      }
    },
  });
  const client = await options.connect();
  const shared = oneByOne(client);
  let fault: string | undefined;
  const runner = new SlotRunner(
    slot,
    {
      ...ports,
      bus,
      spareRules: () => ports.rules,
      decideMsMax: 0,
      connect: async () => {
        await shared.query("BEGIN");
        return shared;
      },
      pool: shared,
      routes: () => undefined,
      views: createViewPublisher(bus),
      outbox: createOutboxSender(bus),
      group: { commit: async (part) => (await commitTogether(shared, [part]))[0] },
      replies: createReplySender(bus),
      worldNow: () => Date.now(),
      worldFormat: () => game.worldFormat,
      logger: createLogger({
        service: "worker",
        instance: ports.identity.instance,
        level: "fatal",
        destination: { write: () => undefined },
      }),
      metrics: createWorkerMetrics(createMetrics()),
      hotHexes: createHotHexes(performance.now()),
    },
    { serving: () => undefined, ended: (end) => (fault = `its slot has ended: ${end}`) },
  );
  try {
    if (!(await runner.start(0n))) throw new Error("its slot could not be taken");
    const startedMs = performance.now();
    const layerId = randomInt(nowhere.from, nowhere.to);
    const end = endOf(options.msMax + overtimeMsMax, signal);
    const isOver = (): boolean =>
      signal.aborted || performance.now() - startedMs >= options.msMax || fault !== undefined;
    let commands = 0;
    let firstMs = 0;
    let lastMs = 0;
    for (let round = 0; !isOver(); round++) {
      const roundMs = performance.now();
      const played = await Promise.race([playRound(round, layerId, samples), end]);
      if (played === undefined) break;
      commands += played;
      lastMs = performance.now() - roundMs;
      if (round === 0) firstMs = lastMs;
    }
    if (fault !== undefined) throw new Error(fault);
    // The last answers are on their way.
    await new Promise((resolve) => setImmediate(resolve));
    return { commands, applied, firstMs, lastMs };
  } finally {
    dropConnection(client);
    await runner.release("the warm-up is over", () => Promise.resolve());
    await inbox.close();
  }

  /** New hexes and new players; resolves when each command is committed and acked. */
  async function playRound(
    round: number,
    layerId: number,
    samplesOf: NonNullable<Game["samples"]>,
  ): Promise<number> {
    const hexes = diskOf(somewhere, 20);
    let commands = 0;
    const sends = Array.from({ length: hexesPerRound }, async (_, n) => {
      const key = { hexId: hexes[(round * hexesPerRound + n) % hexes.length]!, layerId };
      const players = Array.from({ length: playersPerHex }, () => uuidv7Bytes());
      const bySteps = players.map((player) =>
        samplesOf(player).map((sample) => ({ player, sample })),
      );
      for (let step = 0; step < (bySteps[0]?.length ?? 0) && !signal.aborted; step++) {
        const batch = bySteps.flatMap((steps) => steps[step] ?? []);
        commands += batch.length;
        await bus.publish(slot, {
          type: "batch.v1",
          body: encodeBatch({
            routeVersion: 0n,
            envelopes: batch.map(({ player, sample }) => envelopeOf(key, player, sample)),
          }),
          messageId: uuidText(uuidv7Bytes()),
          replyTo,
        });
      }
    });
    await Promise.all(sends);
    return commands;
  }

  function envelopeOf(key: Key, player: Uint8Array, { schema, message, volatileSeq }: Sample) {
    const { type, messageVersion, senders } = ports.registry.bySchema(schema);
    const isPlayers = senders.has(Sender.CLIENT);
    const requestId = uuidv7Bytes();
    const eventId = uuidv7Bytes();
    const accountId = isPlayers ? player : undefined;
    return encodeEnvelope({
      type,
      messageVersion,
      key,
      requestId,
      eventId,
      correlationId: eventId,
      producer: { service: isPlayers ? "gateway" : "accounts", version: "", instance: "warm-up" },
      tsMs: Date.now(),
      idempotencyKey: idempotencyKeyOf({ accountId, requestId, type, target: keyBytes(key) }),
      payload: toBinary(schema, create(schema, message)),
      ...(isPlayers ? { accountId: player, sessionId: player } : {}),
      ...(volatileSeq === undefined ? {} : { volatileSeq }),
    });
  }
}

/** Resolves when it was aborted, and rejects when it lasts too long. */
function endOf(msMax: number, signal: AbortSignal): Promise<undefined> {
  const end = pause(msMax, undefined, { signal, ref: false }).then(
    () => Promise.reject(new Error(`it has lasted ${msMax} ms`)),
    () => undefined,
  );
  // Most warm-ups are over before.
  end.catch(() => undefined);
  return end;
}

/** The driver's connection and its reads off the path of a command are one transaction: one statement at a time. */
function oneByOne(client: PgClient): PgClient & PgPool {
  let last: Promise<unknown> = Promise.resolve();
  const query = (...given: unknown[]): Promise<unknown> => {
    const next = last.then(() =>
      (client.query as (...args: unknown[]) => Promise<unknown>)(...given),
    );
    last = next.catch(() => undefined);
    return next;
  };
  return new Proxy(client, {
    get(target, name) {
      if (name === "query") return query;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  }) as PgClient & PgPool;
}
