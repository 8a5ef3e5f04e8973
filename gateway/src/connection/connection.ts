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
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { diskOf, type Key, keyText } from "@hexhold/hex";
import { compiledValidator, keyOfWire, uuidText } from "@hexhold/messaging";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { EdgeError } from "../admission/check-command.ts";
import { TokenBucket } from "../admission/token-bucket.ts";
import type { Edge } from "../edge.ts";
import { decodeClientFrame } from "../frame/client-frame.ts";
import { answerFrame, serverFrame } from "../frame/server-frame.ts";
import type { Observer } from "../interest/interest.ts";
import { type TokenClaims, TokenError } from "../session/token-check.ts";
import { closeCode } from "./close-code.ts";
import { edgeAnswer } from "./edge-answer.ts";

const helloMsMax = 5000;
const expiryNoticeMs = 60_000;
/** Bytes that may wait for a slow reader; beyond it events are dropped, and a full state follows. */
const viewBufferBytesMax = 256 * 1024;
/** Beyond it the connection is closed. */
const bufferBytesMax = 4 * 1024 * 1024;
/** Frames that may wait while a token is checked. */
const queuedFramesMax = 256;
/** How far from its own hex a player sees. */
const viewRadius = 2;

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
  readonly #subscriptions = new Map<string, Key>();
  #mode: "awaiting-hello" | "open" | "closed" = "awaiting-hello";
  #session: Session | undefined;
  #loginId: string | undefined;
  #handling: Promise<void> | undefined;
  #queued: Uint8Array[] = [];
  #inFlight = 0;
  #corked = false;
  #refusedInARow = 0;
  /** Anything came since the last beat. */
  #heard = true;
  #timer: NodeJS.Timeout | undefined;

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
    this.#timer = setTimeout(
      () => this.close(closeCode.notAuthenticated, "no hello within 5 s"),
      helloMsMax,
    );
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
    return this.#loginId;
  }

  /** Key texts of the hexes that it watches. */
  get subscriptions(): string[] {
    return [...this.#subscriptions.keys()];
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
    clearTimeout(this.#timer);
    this.#edge.interest.drop(this, this.#subscriptions.values());
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
    const claims = await this.#check(token);
    if (claims === undefined || this.closed) return;
    const { accountId, accountText, residence } = claims;
    const sessionId = this.#edge.sessionId(accountText, resume);
    const begunMs = Math.floor(this.#edge.worldNow());
    this.#session = { sessionId, accountId, accountText, residence, begunMs, sdk };
    this.#loginId = claims.loginId;
    this.#mode = "open";
    this.#watchExpiry(claims.expiresMs);
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
    const claims = await this.#check(token);
    if (claims === undefined || this.closed) return;
    if (claims.accountText !== this.#session?.accountText) {
      this.close(closeCode.notAuthenticated, "the new token is of another account");
      return;
    }
    this.#loginId = claims.loginId;
    this.#watchExpiry(claims.expiresMs);
  }

  async #check(token: string): Promise<TokenClaims | undefined> {
    try {
      const claims = await this.#edge.checkToken(token);
      return this.#isRevoked(claims) ? undefined : claims;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      const { reason, message } = error;
      const isUnknown = reason === "keys-unknown";
      const code = isUnknown ? ErrorCode.UNAVAILABLE : ErrorCode.UNAUTHENTICATED;
      this.#error({ code, reason, message });
      this.close(isUnknown ? closeCode.tryLater : closeCode.notAuthenticated, reason);
      return undefined;
    }
  }

  #isRevoked({ accountText, loginId }: TokenClaims): boolean {
    const { revocations, worldNow } = this.#edge;
    const revoked = revocations.check(accountText, loginId, worldNow());
    if (revoked === "banned") {
      const message = "this account is banned";
      this.#error({ code: ErrorCode.PERMISSION_DENIED, reason: "banned", message });
      this.close(closeCode.banned, message);
    } else if (revoked === "logged-out") {
      const message = "this login has ended: log in again";
      this.#error({ code: ErrorCode.UNAUTHENTICATED, reason: "logged-out", message });
      this.close(closeCode.notAuthenticated, message);
    }
    return revoked !== undefined;
  }

  #watchExpiry(expiresMs: number): void {
    clearTimeout(this.#timer);
    const leftMs = expiresMs - this.#edge.worldNow();
    const end = (): void => this.close(closeCode.notAuthenticated, "the access token has expired");
    this.#timer = setTimeout(
      () => {
        this.#send(serverFrame({ case: "notice", value: { kind: Notice_Kind.TOKEN_EXPIRING } }));
        this.#timer = setTimeout(end, Math.min(expiryNoticeMs, Math.max(leftMs, 0)));
      },
      Math.min(Math.max(leftMs - expiryNoticeMs, 0), 2 ** 31 - 1),
    );
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
    const { residence } = this.#session!;
    const near = new Set(residence === undefined ? [] : diskOf(residence.hexId, viewRadius));
    const taken: Key[] = [];
    for (const key of keys) {
      const fault = this.#edge.checkKey(key);
      if ("code" in fault) {
        this.#error(fault, key);
      } else if (
        residence === undefined ||
        residence.layerId !== key.layerId ||
        !near.has(key.hexId)
      ) {
        this.#error(
          {
            code: ErrorCode.PERMISSION_DENIED,
            reason: "too-far",
            message: `a player sees the hexes at most ${viewRadius} steps from its own`,
          },
          key,
        );
      } else if (
        !this.#subscriptions.has(keyText(key)) &&
        this.#subscriptions.size >= this.#edge.config.subscriptionsMax
      ) {
        this.#error(
          limited("too-many-subscriptions", "unsubscribe from other hexes first", 0),
          key,
        );
      } else {
        this.#subscriptions.set(keyText(key), key);
        taken.push(key);
      }
    }
    this.#edge.interest.subscribe(this, taken);
  }

  #unsubscribe(keys: readonly Key[]): void {
    for (const key of keys) this.#subscriptions.delete(keyText(key));
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

function limited(reason: string, message: string, retryAfterMs: number): EdgeError {
  return { code: ErrorCode.RESOURCE_EXHAUSTED, reason, message, retryAfterMs };
}
