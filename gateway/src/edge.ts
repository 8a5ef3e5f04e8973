/** What all connections of a gateway share. */
import type { Command } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { type Answer, ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import type { Key } from "@hexhold/hex";
import {
  bytesText,
  decodeAnswer,
  encodeEnvelope,
  idempotencyKeyOf,
  type MessageRegistry,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { type Logger, newTraceparent } from "@hexhold/telemetry";
import { createCommandCheck, createKeyCheck, type EdgeError } from "./admission/check-command.ts";
import { AccountBudgets } from "./admission/account-budgets.ts";
import { Newcomers } from "./admission/newcomers.ts";
import { DeadLetterLimit } from "./admission/dead-letter-limit.ts";
import { offerLogged } from "./command-log.ts";
import { closeCode } from "./connection/close-code.ts";
import type { Connection, Session } from "./connection/connection.ts";
import { targetBytes, targetText } from "./dispatch/command-target.ts";
import type { Dispatcher } from "./dispatch/dispatcher.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import type { GatewayMetrics } from "./gateway-metrics.ts";
import type { Interest, ViewContract } from "./interest/interest.ts";
import type { TopicInterest } from "./interest/topic-interest.ts";
import type { Revocations } from "./accounts/revocations.ts";
import { Residences } from "./session/residences.ts";
import { NewestSessions } from "./session/newest-sessions.ts";
import type { TokenCheck } from "./session/token-check.ts";

export interface EdgeOptions {
  readonly config: GatewayConfig;
  readonly registry: MessageRegistry;
  readonly checkToken: TokenCheck;
  readonly revocations: Revocations;
  readonly worldNow: () => number;
  readonly dispatcher: Dispatcher;
  readonly metrics: GatewayMetrics;
  /** A session has begun here. */
  readonly onSession: (session: Session) => void;
  /** A session has ended here; the client may come back and go on with it. */
  readonly onSessionEnded: (session: Session) => void;
  readonly logger: Logger;
}

/** Where the answer of a dispatched command goes: one of the two, and `answered` also after UNKNOWN_OUTCOME. */
export interface CommandCallbacks {
  readonly answered: (bytes: Uint8Array) => void;
  readonly failed: (error: EdgeError) => void;
}

/** Reads what observers may see of a hex. */
const observeType = "cmd.hex.observe";
/** A worker that finds the deadline passed does not execute the command. */
const deadlineMs = 10_000;
const newerSession = { code: closeCode.newerSession, reason: "a newer session of this account" };

export class Edge {
  readonly config: GatewayConfig;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly checkToken: TokenCheck;
  readonly revocations: Revocations;
  readonly worldNow: () => number;
  readonly checkKey: (key: Key | undefined) => Key | EdgeError;
  readonly budgets: AccountBudgets;
  readonly newcomers: Newcomers;
  readonly residences: Residences;
  /** Of the game that the gateway has loaded. */
  readonly view: ViewContract;
  interest!: Interest;
  topics!: TopicInterest;
  /** Books that can be listened to. */
  readonly books: ReadonlySet<string>;
  readonly #dispatcher: Dispatcher;
  readonly #onSession: EdgeOptions["onSession"];
  readonly #onSessionEnded: EdgeOptions["onSessionEnded"];
  readonly #checkCommand;
  readonly #letters = new DeadLetterLimit();
  readonly #connections = new Set<Connection>();
  readonly #byAccount = new Map<string, Connection>();
  readonly #newest = new NewestSessions();

  constructor(options: EdgeOptions) {
    const { config, registry } = options;
    this.config = config;
    this.metrics = options.metrics;
    this.logger = options.logger;
    this.checkToken = options.checkToken;
    this.revocations = options.revocations;
    this.worldNow = options.worldNow;
    this.#dispatcher = options.dispatcher;
    this.#onSession = options.onSession;
    this.#onSessionEnded = options.onSessionEnded;
    this.budgets = new AccountBudgets(config);
    this.newcomers = new Newcomers(config);
    this.residences = new Residences((account) => this.#byAccount.get(account)?.moved());
    const { view } = registry;
    this.books = new Set(config.books);
    this.view = { type: view?.type ?? "", version: view?.version ?? 0 };
    const place = { bounds: config.worldBounds, layers: config.worldLayers };
    this.checkKey = createKeyCheck(place);
    this.#checkCommand = createCommandCheck({
      ...place,
      registry,
      staleAfterMs: (config.resultRetentionHours - 1) * 3_600_000,
    });
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  opened(connection: Connection): void {
    this.#connections.add(connection);
    this.metrics.sockets.set(this.#connections.size);
  }

  /** The id of a session that begins now: `resume` goes on, when it is the account's newest and was here. */
  sessionId(account: string, resume: Uint8Array): Uint8Array {
    return this.#newest.begin(account, resume, Math.floor(this.worldNow()));
  }

  /** A session has begun: an older connection of the account is closed, here and at every gateway. */
  register(connection: Connection): void {
    const session = connection.session!;
    this.#close(session.accountText, newerSession);
    this.#byAccount.set(session.accountText, connection);
    this.#onSession(session);
  }

  /** Sessions that are open here. */
  get sessions(): Session[] {
    return [...this.#byAccount.values()].map(({ session }) => session!);
  }

  /** Another gateway has a session of the account: the older one ends. Returns the one that is newer here. */
  begunElsewhere(account: string, sessionId: Uint8Array): Session | undefined {
    if (!this.#newest.heard(account, sessionId)) return this.#byAccount.get(account)?.session;
    this.#close(account, newerSession);
    return undefined;
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
    this.metrics.sockets.set(this.#connections.size);
    const { session } = connection;
    if (session !== undefined && this.#byAccount.get(session.accountText) === connection) {
      this.#byAccount.delete(session.accountText);
      this.#onSessionEnded(session);
    }
  }

  /** The account is kept out from now on. */
  banned(account: string): void {
    this.#close(account, { code: closeCode.banned, reason: "this account is banned" });
  }

  /** No session goes on under a login that has ended. */
  loggedOut(login: string): void {
    for (const connection of this.#byAccount.values()) {
      if (connection.loginId === login) connection.close(closeCode.notAuthenticated, "logged out");
    }
  }

  /** Checks a client's command and sends it on its way, or says why not. */
  dispatch(command: Command, session: Session, callbacks: CommandCallbacks): EdgeError | undefined {
    const nowMs = Math.floor(this.worldNow());
    const checked = this.#checkCommand(command, nowMs, session.accountText);
    if ("code" in checked) return checked;
    const { entry, target } = checked;
    const blockedMs = this.#letters.waitMs(session.accountText, entry.type, nowMs);
    if (blockedMs > 0) {
      return {
        code: ErrorCode.RESOURCE_EXHAUSTED,
        reason: "too-many-dead-letters",
        message: `the rules failed on your last ${entry.type}: try again later`,
        retryAfterMs: blockedMs,
      };
    }
    const { accountId, sessionId } = session;
    const { requestId, payload, volatileSeq } = command;
    const eventId = uuidv7Bytes(nowMs);
    const acceptedMs = performance.now();
    return offerLogged(this.#dispatcher, this.logger, entry.type, {
      envelope: encodeEnvelope({
        type: entry.type,
        messageVersion: command.version,
        ...("key" in target ? target : { subject: target.subject }),
        requestId,
        eventId,
        correlationId: requestId,
        producer: this.#producer(),
        tsMs: nowMs,
        idempotencyKey: idempotencyKeyOf({
          accountId,
          requestId,
          type: entry.type,
          target: targetBytes(target),
        }),
        payload,
        accountId,
        sessionId,
        volatileSeq,
        deadlineMs: nowMs + deadlineMs,
        traceparent: newTraceparent(false),
      }),
      orderKey: `${session.accountText} ${targetText(target)}`,
      eventId,
      eventText: bytesText(eventId),
      requestId,
      target,
      acceptedMs,
      deadlineMs: acceptedMs + deadlineMs,
      state: "waiting",
      answered: (answer, bytes) => {
        this.metrics.latency.observe((performance.now() - acceptedMs) / 1000);
        this.metrics.answers.inc(answer.outcome ?? "none");
        if (
          answer.outcome === "error" &&
          answer.errorCode === ErrorCode.DEAD_LETTERED &&
          !answer.replayed
        ) {
          this.#letters.noted(session.accountText, entry.type, nowMs);
        }
        // Before its client can act on it.
        if ("key" in target) {
          const { key } = target;
          const account = session.accountText;
          this.residences.answered(
            { account, entry, key, payload, acceptedMs: nowMs },
            answer,
            bytes,
          );
        }
        callbacks.answered(bytes);
      },
      failed: callbacks.failed,
    });
  }

  /** Reads a hex on the gateway's own behalf. Undefined: no answer in time. */
  observe(key: Key): Promise<Answer | undefined> {
    const nowMs = Math.floor(this.worldNow());
    const requestId = uuidv7Bytes(nowMs);
    const acceptedMs = performance.now();
    const type = observeType;
    const target = { key };
    return new Promise((resolve) => {
      const refused = this.#dispatcher.offer({
        envelope: encodeEnvelope({
          type,
          messageVersion: 1,
          key,
          requestId,
          eventId: requestId,
          correlationId: requestId,
          producer: this.#producer(),
          tsMs: nowMs,
          idempotencyKey: idempotencyKeyOf({
            accountId: undefined,
            requestId,
            type,
            target: targetBytes(target),
          }),
          payload: new Uint8Array(0),
          deadlineMs: nowMs + deadlineMs,
        }),
        orderKey: `observe ${targetText(target)}`,
        eventId: requestId,
        eventText: bytesText(requestId),
        requestId,
        target,
        acceptedMs,
        deadlineMs: acceptedMs + deadlineMs,
        state: "waiting",
        answered: (_, bytes) => resolve(this.#readable(bytes)),
        failed: () => resolve(undefined),
      });
      if (refused !== undefined) resolve(undefined);
    });
  }

  /** The whole answer; one that cannot be read counts as none, and holds up no other. */
  #readable(bytes: Uint8Array): Answer | undefined {
    try {
      return decodeAnswer(bytes);
    } catch (error) {
      this.logger.error({ err: error }, "the answer to an observe cannot be read");
      return undefined;
    }
  }

  #close(account: string, { code, reason }: { code: number; reason: string }): void {
    this.#byAccount.get(account)?.close(code, reason);
  }

  #producer() {
    return { service: "gateway", version: this.config.version, instance: this.config.instance };
  }
}
