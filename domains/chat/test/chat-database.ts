/** A database with the schema of chat, and instances of chat that work on it without a broker. */
import path from "node:path";
import { create, type Message } from "@bufbuild/protobuf";
import { type CommandOutcome, type DomainMessage, inTransactionWithWork } from "@hexhold/domain";
import { RegisteredSchema } from "@hexhold/gen/hexhold/accounts/v1/events_pb";
import {
  Channel,
  SayResultSchema,
  SaySchema,
  WhisperSchema,
} from "@hexhold/gen/hexhold/chat/v1/commands_pb";
import { EnvelopeSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { PlayerEnteredSchema, PlayerSpawnedSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { PlayerArrivedSchema } from "@hexhold/gen/hexhold/hex/v1/transfer_pb";
import { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { diskOf, keyText, parseKeyText } from "@hexhold/hex";
import { uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { migrate, openPool, type PgPool } from "@hexhold/postgres";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { freshDatabase } from "@hexhold/testing";
import { chatConfigSchema } from "../src/chat-config.ts";
import { createChatMetrics } from "../src/chat-metrics.ts";
import { type ChatPorts, type ChatRules, createChat } from "../src/create-chat.ts";
import { startDays } from "../src/store/days.ts";

const directory = path.resolve(import.meta.dirname, "../../../infra/pg_migrations");

export const home = "861f1d48fffffff";
const { hexId } = parseKeyText(home);
const [, besideHome] = diskOf(hexId, 1);
export const beside = keyText({ hexId: besideHome!, layerId: 0 });
export const far = keyText({ hexId: diskOf(hexId, 3).at(-1)!, layerId: 0 });

export interface Told {
  /** A topic, or an account. */
  readonly to: string;
  readonly seq: bigint;
  readonly message: Message;
}

export interface TestChat {
  /** Handles one batch in one transaction; outcomes of its commands by position. */
  run(...messages: readonly DomainMessage[]): Promise<CommandOutcome[]>;
  /** As `run`, and does what `before` does when all is handled, before the commit. */
  runHeld(
    before: () => Promise<void>,
    ...messages: readonly DomainMessage[]
  ): Promise<CommandOutcome[]>;
  readonly told: readonly Told[];
  metric(name: string): Promise<number>;
}

export interface ChatDatabase {
  /** Of the role hexhold_chat. */
  readonly url: string;
  /** Of a superuser. */
  readonly adminUrl: string;
  readonly pool: PgPool;
  readonly admin: PgPool;
  /** World time, set by tests. */
  nowMs: number;
  open(rules?: Partial<ChatRules>, ports?: Partial<ChatPorts>): TestChat;
  rows<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export async function openChatDatabase(): Promise<ChatDatabase> {
  const database = await freshDatabase();
  await migrate({
    adminUrl: database.url,
    directory,
    passwordOf: () => decodeURIComponent(new URL(database.url).password),
  });
  const url = new URL(database.url);
  url.username = "hexhold_chat";
  const pool = openPool({ url: url.href, applicationName: "test" }, 8);
  const looks = openPool({ url: url.href, applicationName: "test" }, 1);
  const admin = openPool({ url: database.url, applicationName: "test" }, 2);
  const opened: ChatDatabase = {
    url: url.href,
    adminUrl: database.url,
    pool,
    admin,
    nowMs: Date.now(),
    open: (rules = {}, ports = {}) => openChat({ pool, looks }, rules, ports, () => opened.nowMs),
    rows: async <Row>(text: string, values: unknown[] = []) =>
      (await admin.query(text, values)).rows as Row[],
    async close() {
      await Promise.all([pool.end(), looks.end(), admin.end()]);
      await database.drop();
    },
  };
  return opened;
}

function openChat(
  { pool, looks }: { readonly pool: PgPool; readonly looks: PgPool },
  rules: Partial<ChatRules>,
  ports: Partial<ChatPorts>,
  worldNow: () => number,
): TestChat {
  const metrics = createMetrics({ processMetrics: false });
  const told: Told[] = [];
  const logger = createLogger({ service: "chat", instance: "test", level: "silent" });
  const days = startDays({
    pool: looks,
    keepDays: { world: 3, hex: 7, whisper: 30 },
    worldNow,
    logger,
  });
  days.stop();
  const configured = chatConfigSchema.parse({
    instance: "chat-1",
    postgresUrl: "postgres://unused",
    worldMinAgeMinutes: 0,
    ...rules,
  });
  const chat = createChat(configured, {
    worldNow,
    topics: {
      toPlayer: ({ account: to, message }) => void told.push({ to, seq: 0n, message }),
      toTopic: ({ topic: to, seq, message }) => void told.push({ to, seq, message }),
    },
    logger,
    days,
    metrics: createChatMetrics(metrics, { openReports: () => Promise.resolve() }),
    ...ports,
  });
  const handlers = new Map(chat.handlers.map((handler) => [handler.schema.typeName, handler]));
  const apply = (
    messages: readonly DomainMessage[],
    before?: () => Promise<void>,
  ): Promise<CommandOutcome[]> =>
    inTransactionWithWork(
      pool,
      () => chat.newWork(),
      async (transaction, work) => {
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
      },
    );
  return {
    told,
    run: (...messages) => apply(messages),
    runHeld: (before, ...messages) => apply(messages, before),
    async metric(name) {
      const lines = (await metrics.metricsText()).split("\n");
      const found = lines.filter((line) => line.startsWith(name));
      return found.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    },
  };
}

export function newAccount(): string {
  return uuidText(uuidv7Bytes());
}

/** A command of an account. */
export function commandOf(message: Message, account: string): DomainMessage {
  const requestId = uuidv7Bytes();
  const ids = { eventId: requestId, requestId, accountId: uuidBytes(account) };
  return { message, envelope: create(EnvelopeSchema, { ...ids, tsMs: BigInt(Date.now()) }) };
}

/** An event of a hex. */
function eventOf(message: Message, of: string): DomainMessage {
  const producer = { service: "worker", version: "1", instance: "worker-1" };
  const key = parseKeyText(of);
  const eventId = uuidv7Bytes();
  return { message, envelope: create(EnvelopeSchema, { eventId, producer, key }) };
}

export const registered = (account: string, name: string, atMs: number): DomainMessage => ({
  message: create(RegisteredSchema, { accountId: uuidBytes(account), name, atMs: BigInt(atMs) }),
  envelope: create(EnvelopeSchema, { eventId: uuidv7Bytes() }),
});
export const spawned = (account: string, of = home): DomainMessage =>
  eventOf(create(PlayerSpawnedSchema, { playerId: uuidBytes(account) }), of);
export const entered = (account: string, of = home, number = 0n): DomainMessage =>
  eventOf(create(PlayerEnteredSchema, { playerId: uuidBytes(account), number }), of);
export const arrived = (account: string, of: string, number: bigint): DomainMessage =>
  eventOf(create(PlayerArrivedSchema, { playerId: uuidBytes(account), number }), of);

let texts = 0;
export const local = (account: string, text = `text ${++texts}`): DomainMessage =>
  commandOf(create(SaySchema, { channel: Channel.LOCAL, text }), account);
export const world = (account: string, text = `text ${++texts}`): DomainMessage =>
  commandOf(create(SaySchema, { channel: Channel.WORLD, text }), account);
export const whisper = (account: string, to: string, text = `text ${++texts}`): DomainMessage => {
  const receiver = to.includes("-")
    ? ({ case: "accountId", value: uuidBytes(to) } as const)
    : ({ case: "name", value: to } as const);
  return commandOf(create(WhisperSchema, { to: receiver, text }), account);
};

/** What a command came to, in a word: the channel's name and number, or why it was refused. */
export function said(outcome: CommandOutcome | undefined): string {
  if (outcome?.kind === "refused") return outcome.reason;
  const { result } = outcome ?? {};
  if (result?.$typeName !== SayResultSchema.typeName) return outcome?.kind ?? "nothing";
  const { channel, seq } = result as unknown as { channel: string; seq: bigint };
  return `${channel} ${seq}`;
}
