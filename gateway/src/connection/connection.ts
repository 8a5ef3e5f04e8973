/**
 * One WebSocket connection.
 *
 * Modes:
 * - `awaiting-hello`: nothing but `hello` is taken, for 5 s.
 * - `open`: a session; commands, subscriptions, pings, a new token.
 * - `closed`: nothing more is sent; answers still on their way are dropped.
 * Frames are handled one after another, so that nothing overtakes a hello or a refresh that is checked.
 */
import {
  type ClientFrame,
  ClientFrameSchema,
  type Command,
  type Hello,
  Notice_Kind,
} from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import type { Key } from "@hexhold/hex";
import { compiledValidator, keyOfWire, uuidText } from "@hexhold/messaging";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { type EdgeError, limited } from "../admission/check-command.ts";
import { TokenBucket } from "../admission/token-bucket.ts";
import type { Edge } from "../edge.ts";
import { decodeClientFrame } from "../frame/client-frame.ts";
import { answerFrame, serverFrame } from "../frame/server-frame.ts";
import type { Observer } from "../interest/interest.ts";
import { closeCode } from "./close-code.ts";
import { edgeAnswer } from "./edge-answer.ts";
import { Subscriptions } from "./subscriptions.ts";
import { TokenGuard } from "./token-guard.ts";

/** Bytes that may wait for a slow reader; beyond it events are dropped, and a full state follows. */
const viewBufferBytesMax = 256 * 1024;
/** Beyond it the connection is closed. */
const bufferBytesMax = 4 * 1024 * 1024;
/** Frames that may wait while a token is checked. */
const queuedFramesMax = 256;

const validator = compiledValidator([ClientFrameSchema]);

export interface Session {
  readonly sessionId: Uint8Array;
  readonly accountId: Uint8Array;
  readonly accountText: string;
  readonly residence: Key | undefined;
  /** World time. */
  readonly begunMs: number;
  /** As the client named itself. */
  readonly sdk: string;
}

export class Connection implements Observer {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #edge: Edge;
  readonly #bucket: TokenBucket;
  readonly #subscriptions: Subscriptions;
  readonly #tokens: TokenGuard;
  #mode: "awaiting-hello" | "open" | "closed" = "awaiting-hello";
  #session: Session | undefined;
  #handling: Promise<void> | undefined;
  #queued: Uint8Array[] = [];
  #inFlight = 0;
  #corked = false;
  #refusedInARow = 0;
  /** Anything came since the last beat. */
  #heard = true;

  /** @param stream what `socket` writes to. */
  constructor(socket: WebSocket, stream: Duplex, edge: Edge) {
    this.#socket = socket;
    this.#stream = stream;
    this.#edge = edge;
    this.#bucket = new TokenBucket(
      edge.config.commandsPerS,
      edge.config.commandsBurst,
      performance.now(),
    );
    this.#subscriptions = new Subscriptions(edge);
    this.#tokens = new TokenGuard(edge, {
      expiring: () =>
        this.#send(serverFrame({ case: "notice", value: { kind: Notice_Kind.TOKEN_EXPIRING } })),
      fault: (error) => this.#error(error),
      close: (code, reason) => this.close(code, reason),
    });
    socket.on("pong", () => (this.#heard = true));
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      this.#heard = true;
      if (isBinary) this.#receive(data);
      else this.close(closeCode.text, "send binary frames");
    });
    socket.on("close", () => this.#ended());
    // `close` follows; ws has already sent the code that fits, such as 1009 for a frame that is too big.
    socket.on("error", (error) => edge.logger.debug({ err: error }, "a socket failed"));
  }

  get closed(): boolean {
    return this.#mode === "closed";
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** UUID text of the login under which the session goes on. */
  get loginId(): string | undefined {
    return this.#tokens.loginId;
  }

  /** Key texts of the hexes that it watches. */
  get subscriptions(): string[] {
    return this.#subscriptions.keyTexts;
  }

  get commandsInFlight(): number {
    return this.#inFlight;
  }

  /** What waits for the client to read. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  sendView(frame: Uint8Array): boolean {
    if (this.closed || this.#socket.bufferedAmount > viewBufferBytesMax) return false;
    this.#write(frame);
    return true;
  }

  /** Asks whether the peer is there, and ends the connection of one that has not answered the last time. */
  beat(): void {
    if (this.closed) return;
    if (this.#heard) {
      this.#heard = false;
      this.#socket.ping();
      return;
    }
    this.#edge.metrics.closes.inc({ code: String(closeCode.silent) });
    this.#socket.terminate();
    this.#ended();
  }

  tooSlow(): void {
    this.close(closeCode.limits, "too slow a reader");
  }

  /** Reads nothing more, so that what comes is repeated elsewhere; answers and events still go out. */
  drain(): void {
    this.#queued = [];
    this.#socket.pause();
  }

  close(code: number, reason: string): void {
    if (this.closed) return;
    this.#edge.metrics.closes.inc({ code: String(code) });
    this.#socket.close(code, reason.slice(0, 120));
    this.#ended();
    // The peer's close is to be read, whatever stands before it.
    this.#socket.resume();
    // A peer that does not answer the close is cut off.
    setTimeout(() => this.#socket.terminate(), 2000).unref();
  }

  #ended(): void {
    if (this.closed) return;
    this.#mode = "closed";
    this.#tokens.stop();
    this.#edge.interest.drop(this, this.#subscriptions.keys);
    this.#edge.forget(this);
  }

  #receive(data: Uint8Array): void {
    if (this.closed) return;
    if (this.#handling === undefined) {
      this.#handle(data);
      return;
    }
    if (this.#queued.length >= queuedFramesMax) {
      this.close(closeCode.limits, "too many frames at once");
      return;
    }
    this.#queued.push(data);
  }

  #handle(data: Uint8Array): void {
    let frame: ClientFrame;
    try {
      frame = decodeClientFrame(data);
    } catch {
      this.close(closeCode.malformed, "not a ClientFrame");
      return;
    }
    const { frame: content } = frame;
    this.#edge.metrics.frames.inc(content.case ?? "none");
    // The rules of a command's own fields are answered, not punished.
    if (content.case !== "command") {
      const checked = validator.validate(ClientFrameSchema, frame);
      if (checked.kind !== "valid") {
        const what =
          checked.kind === "invalid" ? checked.violations.map(String).join("; ") : "not valid";
        this.close(closeCode.malformed, what);
        return;
      }
    }
    if (this.#mode === "awaiting-hello" && content.case !== "hello") {
      this.close(closeCode.notAuthenticated, "the first frame must be hello");
      return;
    }
    switch (content.case) {
      case "hello":
        this.#await(this.#hello(content.value));
        break;
      case "refresh":
        this.#await(this.#refresh(content.value.token));
        break;
      case "command":
        this.#command(content.value);
        break;
      case "subscribe":
        this.#subscribe(content.value.keys.map(keyOfWire));
        break;
      case "unsubscribe":
        this.#unsubscribe(content.value.keys.map(keyOfWire));
        break;
      case "ping":
        this.#send(
          serverFrame({
            case: "pong",
            value: {
              nonce: content.value.nonce,
              serverTimeMs: BigInt(Math.floor(this.#edge.worldNow())),
            },
          }),
        );
        break;
      default:
        this.close(closeCode.malformed, "an empty frame");
    }
  }

  #await(work: Promise<void>): void {
    this.#handling = work
      .catch((error: unknown) => {
        this.#edge.logger.error({ err: error }, "a frame could not be handled");
        this.close(closeCode.tryLater, "internal error");
      })
      .finally(() => {
        this.#handling = undefined;
        while (this.#handling === undefined && this.#queued.length > 0 && !this.closed) {
          this.#handle(this.#queued.shift()!);
        }
      });
  }

  async #hello({ token, resume, sdk }: Hello): Promise<void> {
    if (this.#mode === "open") {
      this.close(closeCode.malformed, "hello came twice");
      return;
    }
    const claims = await this.#tokens.check(token);
    if (claims === undefined || this.closed) return;
    const { accountId, accountText, residence } = claims;
    const sessionId = this.#edge.sessionId(accountText, resume);
    const begunMs = Math.floor(this.#edge.worldNow());
    this.#session = { sessionId, accountId, accountText, residence, begunMs, sdk };
    this.#tokens.accept(claims);
    this.#mode = "open";
    this.#edge.register(this);
    const { config } = this.#edge;
    this.#send(
      serverFrame({
        case: "welcome",
        value: {
          sessionId,
          accountId,
          serverTimeMs: BigInt(Math.floor(this.#edge.worldNow())),
          ...(residence === undefined
            ? {}
            : { residence: { hexId: residence.hexId, layerId: residence.layerId } }),
          limits: {
            frameBytesMax: config.frameBytesMax,
            commandsInFlightMax: config.commandsInFlightMax,
            subscriptionsMax: config.subscriptionsMax,
            commandsPerS: Math.floor(config.commandsPerS),
            commandsBurst: config.commandsBurst,
          },
        },
      }),
    );
    this.#edge.logger.info(
      { account: accountText, session: uuidText(sessionId) },
      "a session has begun",
    );
  }

  async #refresh(token: string): Promise<void> {
    const claims = await this.#tokens.check(token);
    if (claims === undefined || this.closed) return;
    if (claims.accountText !== this.#session?.accountText) {
      this.close(closeCode.notAuthenticated, "the new token is of another account");
      return;
    }
    this.#tokens.accept(claims);
  }

  #command(command: Command): void {
    const session = this.#session!;
    const nowMs = performance.now();
    const waitMs = this.#bucket.take(nowMs);
    const error =
      waitMs > 0
        ? limited("rate-limited", "too many commands a second on this connection", waitMs)
        : this.#inFlight >= this.#edge.config.commandsInFlightMax
          ? limited("too-many-in-flight", "wait for answers before sending more", 100)
          : this.#edge.dispatch(command, session, {
              answered: (bytes) => {
                this.#inFlight--;
                this.#send(answerFrame(bytes));
              },
              failed: (failure) => {
                this.#inFlight--;
                this.#answerError(command, failure);
              },
            });
    if (error === undefined) {
      this.#inFlight++;
      this.#refusedInARow = 0;
      return;
    }
    this.#answerError(command, error);
    if (waitMs > 0 && ++this.#refusedInARow > this.#edge.config.floodMax) {
      this.close(closeCode.limits, "flood");
    }
  }

  #answerError(command: Command, error: EdgeError): void {
    this.#edge.metrics.answers.inc(error.reason);
    this.#send(answerFrame(edgeAnswer(command, error)));
  }

  #subscribe(keys: readonly Key[]): void {
    const taken = this.#subscriptions.add(keys, this.#session?.residence, (error, key) =>
      this.#error(error, key),
    );
    this.#edge.interest.subscribe(this, taken);
  }

  #unsubscribe(keys: readonly Key[]): void {
    this.#subscriptions.remove(keys);
    this.#edge.interest.unsubscribe(this, keys);
  }

  #error(error: EdgeError, key?: Key): void {
    this.#send(
      serverFrame({
        case: "error",
        value: {
          errorCode: error.code,
          reason: error.reason,
          message: error.message,
          retryAfterMs: error.retryAfterMs ?? 0,
          ...(key === undefined ? {} : { key: { hexId: key.hexId, layerId: key.layerId } }),
        },
      }),
    );
  }

  #send(frame: Uint8Array): void {
    if (this.closed) return;
    if (this.#socket.bufferedAmount > bufferBytesMax) {
      this.tooSlow();
      return;
    }
    this.#write(frame);
  }

  /** What is said in one turn of the event loop leaves by one write: a write costs more than a frame. */
  #write(frame: Uint8Array): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#stream.cork();
      setImmediate(() => {
        this.#corked = false;
        this.#stream.uncork();
      });
    }
    this.#socket.send(frame);
  }
}
