/**
 * From admitted commands to queue messages, and from replies to answers.
 *
 * Modes:
 * - `waiting`: no connection, or a connection without a route table of its own. Commands are answered
 *   UNAVAILABLE at once; what was sent before stays pending.
 * - `ready`: commands gather by slot; those for domain services by queue, which counts as a slot here. On the way from waiting to ready everything pending is sent again,
 *   with the same ids, before anything newer.
 * UNAVAILABLE and RESOURCE_EXHAUSTED mean *not executed*. What was handed over and has no answer after 5 s
 * is UNKNOWN_OUTCOME: it stays pending until its deadline, and later commands of its account for its key are
 * not sent.
 */
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  type Bus,
  decodeAnswerHead,
  encodeBatch,
  GatheringLane,
  type Inbox,
  type RouteTable,
  splitAnswers,
  uuidText,
} from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import type { EdgeError } from "../admission/check-command.ts";
import type { GatewayMetrics } from "../gateway-metrics.ts";
import { queueOf } from "./command-target.ts";
import { InFlight } from "./in-flight.ts";
import type { PendingCommand } from "./pending-command.ts";

export interface DispatcherOptions {
  readonly bus: Bus;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
}

/** Promised: an answer within 5 s. The sweep runs every 100 ms. */
const answerMsMax = 4800;
const sweepMs = 100;
/** Answers that may wait in the reply queue. */
const replyLengthMax = 20_000;
const retryAfterMs = 500;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #lanes = new Map<string, GatheringLane<PendingCommand>>();
  readonly #inFlight = new InFlight();
  /** Oldest first; those that are over are still among them until the next sweep. */
  #untold: PendingCommand[] = [];
  /** Told UNKNOWN_OUTCOME, by account and key. */
  readonly #unknown = new Map<string, Set<PendingCommand>>();
  readonly #sweeper: NodeJS.Timeout;
  #routes: RouteTable | undefined;
  #inbox: Inbox | undefined;
  #ready = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeper.unref();
  }

  get ready(): boolean {
    return this.#ready;
  }

  get pendingCount(): number {
    return this.#inFlight.size;
  }

  /** Opens the reply queue of a new connection; resolves with it. */
  async connect(name: string): Promise<Inbox> {
    return (this.#inbox = await this.#options.bus.openInbox({
      name,
      lengthMax: replyLengthMax,
      onMessage: (message) => this.#onReply(message.body),
    }));
  }

  /** The connection is gone, and its route table with it. */
  disconnect(): void {
    this.#ready = false;
    this.#routes = undefined;
    this.#inbox = undefined;
    for (const lane of this.#lanes.values()) {
      for (const command of lane.hold()) this.#fail(command, unavailable("bus-down"));
    }
  }

  /** A route table of the current connection. The first one makes the dispatcher ready. */
  setRoutes(routes: RouteTable): void {
    this.#routes = routes;
    if (this.#ready || this.#inbox === undefined) return;
    this.#ready = true;
    for (const lane of this.#lanes.values()) lane.reopen();
  }

  /** Takes a command, or says why not. */
  offer(command: PendingCommand): EdgeError | undefined {
    const routes = this.#routes;
    if (!this.#ready || routes === undefined) return unavailable("bus-down");
    const unknown = this.#unknown.get(command.orderKey);
    if (
      unknown !== undefined &&
      ![...unknown].some((other) => sameBytes(other.requestId, command.requestId))
    ) {
      return unavailable("behind-unknown-outcome");
    }
    const slot = queueOf(command.target, routes);
    if (routes.stalled.has(slot)) return unavailable("slot-stalled");
    const lane = this.#lane(slot);
    this.#inFlight.add(command);
    command.lane = lane;
    this.#untold.push(command);
    if (lane.offer(command)) return undefined;
    this.#forget(command);
    return {
      code: ErrorCode.RESOURCE_EXHAUSTED,
      reason: "slot-full",
      message: "too many commands wait for this part of the world: slow down",
      retryAfterMs,
    };
  }

  /** Fails what is pending and ends. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    for (const command of this.#inFlight) {
      if (command.state === "waiting") command.failed(unknownOutcome());
    }
    const inbox = this.#inbox;
    this.#inbox = undefined;
    await inbox?.close();
  }

  #lane(slot: string): GatheringLane<PendingCommand> {
    let lane = this.#lanes.get(slot);
    if (lane === undefined) {
      lane = new GatheringLane<PendingCommand>({
        publish: (commands) => this.#publish(slot, commands),
        failed: (commands, outcome) => {
          for (const command of commands) this.#fail(command, outcomeError(outcome));
        },
        delay: (ms, run) => {
          const timer = setTimeout(run, ms);
          return () => clearTimeout(timer);
        },
      });
      this.#lanes.set(slot, lane);
    }
    return lane;
  }

  #publish(slot: string, commands: readonly PendingCommand[]) {
    this.#options.metrics.gathered.observe(commands.length);
    const { name = "" } = this.#inbox ?? {};
    return this.#options.bus.publish(slot, {
      type: "batch.v1",
      body: encodeBatch({
        routeVersion: this.#routes?.routeVersion ?? 0n,
        envelopes: commands.map((command) => command.envelope),
      }),
      messageId: uuidText(commands[0]!.eventId),
      replyTo: name,
    });
  }

  #onReply(body: Uint8Array): void {
    let answers;
    try {
      answers = splitAnswers(body).map((bytes) => ({ bytes, answer: decodeAnswerHead(bytes) }));
    } catch (error) {
      this.#options.logger.error({ err: error }, "a reply cannot be read");
      return;
    }
    for (const { answer, bytes } of answers) {
      const command = this.#inFlight.get(answer.eventText);
      if (command === undefined) continue;
      this.#forget(command);
      command.answered(answer, bytes);
      command.lane?.settle(command);
    }
  }

  #fail(command: PendingCommand, error: EdgeError): void {
    const heardNothing = command.state === "waiting";
    this.#forget(command);
    if (heardNothing) command.failed(error);
  }

  #forget(command: PendingCommand): void {
    this.#inFlight.delete(command.eventText);
    const wasTold = command.state === "told";
    command.state = "over";
    if (!wasTold) return;
    const unknown = this.#unknown.get(command.orderKey);
    unknown?.delete(command);
    if (unknown?.size === 0) this.#unknown.delete(command.orderKey);
  }

  #sweep(): void {
    const nowMs = performance.now();
    const isLate = ({ acceptedMs }: PendingCommand): boolean => nowMs - acceptedMs >= answerMsMax;
    const waiting = this.#untold.filter(({ state }) => state === "waiting");
    this.#untold = waiting.filter((command) => !isLate(command));
    for (const command of waiting.filter(isLate)) {
      command.state = "told";
      const unknown = this.#unknown.get(command.orderKey) ?? new Set();
      this.#unknown.set(command.orderKey, unknown.add(command));
      command.failed(unknownOutcome());
    }
    for (const unknown of this.#unknown.values()) {
      for (const command of unknown) {
        if (nowMs < command.deadlineMs) continue;
        this.#forget(command);
        command.lane?.settle(command);
      }
    }
    this.#options.metrics.pending.set(this.#inFlight.size);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}

function outcomeError(outcome: "refused" | "unroutable" | "unsent"): EdgeError {
  if (outcome !== "refused") return unavailable(outcome === "unsent" ? "bus-down" : "no-queue");
  return {
    code: ErrorCode.RESOURCE_EXHAUSTED,
    reason: "queue-full",
    message: "too many commands wait for this part of the world: slow down",
    retryAfterMs,
  };
}

function unavailable(reason: string): EdgeError {
  return {
    code: ErrorCode.UNAVAILABLE,
    reason,
    message: "not executed: this part of the world is not served at the moment; repeat the command",
    retryAfterMs,
  };
}

function unknownOutcome(): EdgeError {
  return {
    code: ErrorCode.UNKNOWN_OUTCOME,
    reason: "no-answer",
    message: "it may or may not have been executed: repeat it with the same request id",
    retryAfterMs,
  };
}
