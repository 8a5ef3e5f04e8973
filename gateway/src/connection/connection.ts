/**
 * One WebSocket connection.
 *
 * Modes:
 * - `awaiting-hello`: nothing but `hello` is taken, for 5 s; what comes is bounded in bytes (`hello-guard.ts`).
 * - `open`: a session; commands, subscriptions, pings, a new token.
 * - `closed`: nothing more is sent; answers still on their way are dropped.
 * Frames are handled one after another, so that nothing overtakes a hello or a refresh that is checked; meanwhile
 * nothing more is read. Each takes from the budget of the account; what waits to be sent is the outbox's to bound.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ClientFrame,
  type ErrorSchema,
  type Hello,
  type Listen,
  Notice_Kind,
} from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { keyOfWire, uuidText } from "@hexhold/messaging";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { type AccountBudget, frameCosts } from "../admission/account-budgets.ts";
import { type EdgeError, limited } from "../admission/check-command.ts";
import type { Edge } from "../edge.ts";
import { decodeClientFrame, frameFault } from "../frame/client-frame.ts";
import { serverFrame, welcomeFrame } from "../frame/server-frame.ts";
import type { Observer } from "../interest/interest.ts";
import { claimedAccount } from "../session/token-check.ts";
import type { Residence } from "../session/residence.ts";
import { closeCode } from "./close-code.ts";
import { guardHello } from "./hello-guard.ts";
import { Listening } from "./listening.ts";
import { Outbox } from "./outbox.ts";
import { SessionCommands } from "./session-commands.ts";
import { Subscriptions } from "./subscriptions.ts";
import { TokenGuard } from "./token-guard.ts";

/** Frames that may wait while a token is checked: those that had been read when the check began. */
const queuedFramesMax = { "awaiting-hello": 1, open: 256 } as const;
/** A peer that does not answer the close is cut off, one that is closed for a limit sooner: it may still send. */
const closingMsMax = 2000;
const limitedMsMax = 500;

export interface Session {
  readonly sessionId: Uint8Array;
  readonly accountId: Uint8Array;
  readonly accountText: string;
  readonly residence: Residence;
  /** World time. */
  readonly begunMs: number;
  /** As the client named itself. */
  readonly sdk: string;
}

export class Connection implements Observer {
  readonly #socket: WebSocket;
  readonly #edge: Edge;
  readonly #address: string;
  readonly #outbox: Outbox;
  readonly #commands: SessionCommands;
  readonly #stopGuard: () => void;
  readonly #leaveNewcomers: () => void;
  readonly #subscriptions: Subscriptions;
  readonly #listening: Listening;
  readonly #tokens: TokenGuard;
  #mode: "awaiting-hello" | "open" | "closed" = "awaiting-hello";
  #session: Session | undefined;
  #handling: Promise<void> | undefined;
  #queued: Uint8Array[] = [];
  #budget: AccountBudget | undefined;
  #draining = false;
  #isLimited = false;
  /** Anything came since the last beat. */
  #heard = true;

  /**
   * @param stream what `socket` writes to.
   * @param address of the peer.
   */
  constructor(socket: WebSocket, stream: Duplex, edge: Edge, address: string) {
    this.#socket = socket;
    this.#edge = edge;
    this.#address = address;
    this.#outbox = new Outbox(socket, stream);
    this.#commands = new SessionCommands(edge, (frame) => this.#send(frame));
    this.#leaveNewcomers = edge.newcomers.enter(address, () => {
      this.#leaveNewcomers();
      this.close(closeCode.limits, "too many connections without a session");
    });
    this.#stopGuard = guardHello(stream, () =>
      this.close(closeCode.limits, "too much before a session"),
    );
    this.#subscriptions = new Subscriptions(edge, this);
    this.#listening = new Listening(edge, this, (hex) => this.#subscriptions.has(hex));
    this.#tokens = new TokenGuard(edge, {
      expiring: () =>
        this.#send(serverFrame({ case: "notice", value: { kind: Notice_Kind.TOKEN_EXPIRING } })),
      fault: (error) => this.#error(error),
      close: (code, reason) => this.close(code, reason),
    });
    socket.on("ping", (data: Buffer) => {
      // Before a session one pong at a time: the last ping is answered as well as all would be.
      const isInTurn = this.#mode === "open" || this.#outbox.cost === 0;
      if (this.#control() && isInTurn) this.#sent(this.#outbox.control("pong", data));
    });
    socket.on("pong", () => void this.#control());
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      this.#heard = true;
      if (isBinary) this.#receive(data);
      else if (this.#charge(frameCosts.malformed)) this.close(closeCode.text, "send binary frames");
    });
    socket.on("close", () => {
      this.#leaveNewcomers();
      this.#ended();
    });
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
    return this.#commands.inFlight;
  }

  /** What waits for the client to read, in bytes of memory. */
  get bufferedBytes(): number {
    return this.#outbox.cost;
  }

  sendView(frame: Uint8Array): boolean {
    return !this.closed && this.#outbox.sendView(frame);
  }

  /** Asks whether the peer is there, and ends the connection of one that has not answered the last time. */
  beat(): void {
    if (this.closed) return;
    if (this.#heard) {
      this.#heard = false;
      this.#sent(this.#outbox.control("ping"));
      return;
    }
    this.#edge.metrics.closes.inc({ code: String(closeCode.silent) });
    this.#socket.terminate();
    this.#ended();
  }

  /** The player lives elsewhere now: what it sees no more is ended, and the client told. */
  moved(): void {
    if (this.closed || this.#session === undefined) return;
    const left = this.#subscriptions.leaveBehind(this.#session.residence);
    if (left.length === 0) return;
    this.#listening.leaveHexes(left);
    const keys = left.map(({ hexId, layerId }) => ({ hexId, layerId }));
    this.#send(serverFrame({ case: "notice", value: { kind: Notice_Kind.LEFT_BEHIND, keys } }));
  }

  tooSlow(): void {
    this.close(closeCode.limits, "too slow a reader");
  }

  /** Reads nothing more, so that what comes is repeated elsewhere; answers and events still go out. */
  drain(): void {
    this.#queued = [];
    this.#draining = true;
    this.#socket.pause();
  }

  close(code: number, reason: string): void {
    if (this.closed) return;
    this.#edge.metrics.closes.inc({ code: String(code) });
    this.#outbox.flush();
    this.#socket.close(code, reason.slice(0, 120));
    this.#ended();
    this.#isLimited = code === closeCode.limits;
    // The peer's close is to be read, whatever stands before it.
    this.#socket.resume();
    const msMax = this.#isLimited ? limitedMsMax : closingMsMax;
    setTimeout(() => this.#socket.terminate(), msMax).unref();
  }

  #ended(): void {
    if (this.closed) return;
    this.#mode = "closed";
    this.#queued = [];
    this.#stopGuard();
    this.#tokens.stop();
    this.#subscriptions.close();
    this.#listening.close();
    this.#edge.forget(this);
  }

  #receive(data: Uint8Array): void {
    if (this.#mode === "closed") {
      // Nobody reads what a flooder sends on.
      if (this.#isLimited) this.#socket.pause();
      return;
    }
    if (this.#handling === undefined) {
      this.#handle(data);
      return;
    }
    if (this.#queued.length >= queuedFramesMax[this.#mode]) {
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
      this.#malformed("not a ClientFrame");
      return;
    }
    const { frame: content } = frame;
    this.#edge.metrics.frames.inc(content.case ?? "none");
    const fault = frameFault(frame);
    if (fault !== undefined) {
      this.#malformed(fault);
      return;
    }
    if (this.#mode === "awaiting-hello" && content.case !== "hello") {
      this.close(closeCode.notAuthenticated, "the first frame must be hello");
      return;
    }
    switch (content.case) {
      case "hello":
        this.#await(() => this.#hello(content.value));
        break;
      case "refresh":
        if (this.#charge(frameCosts.refresh)) {
          this.#await(() => this.#refresh(content.value.token));
        }
        break;
      case "command":
        if (!this.#commands.take(content.value, this.#session!, this.#budget!)) {
          this.#charge(frameCosts.refusedCommand);
        }
        break;
      case "subscribe":
        if (this.#charge(frameCosts.subscribe * (1 + content.value.keys.length))) {
          this.#subscriptions.add(
            content.value.keys.map(keyOfWire),
            this.#session!.residence,
            (error, { hexId, layerId }) => this.#error(error, { key: { hexId, layerId } }),
          );
        }
        break;
      case "unsubscribe":
        if (this.#charge(frameCosts.unsubscribe)) {
          const keys = content.value.keys.map(keyOfWire);
          this.#subscriptions.remove(keys);
          this.#listening.leaveHexes(keys);
        }
        break;
      case "listen":
        this.#listen(content.value);
        break;
      case "ping":
        if (this.#charge(frameCosts.ping)) this.#pong(content.value.nonce);
        break;
      default:
        this.#malformed("an empty frame");
    }
  }

  #listen({ add, drop }: Listen): void {
    if (!this.#charge(frameCosts.listen * (1 + add.length + drop.length))) return;
    this.#listening.drop(drop);
    this.#listening.add(add, (error, topic) => this.#error(error, { topic }));
  }

  #pong(nonce: bigint): void {
    const serverTimeMs = BigInt(Math.floor(this.#edge.worldNow()));
    this.#send(serverFrame({ case: "pong", value: { nonce, serverTimeMs } }));
  }

  /** Takes units from the account's budget. False: it has spent it, and the connection is closed. */
  #charge(units: number): boolean {
    const waitMs = this.#budget?.takeUnits(units, performance.now()) ?? 0;
    if (waitMs === 0) return true;
    this.#budget?.flooded();
    this.close(closeCode.limits, "flood");
    return false;
  }

  #malformed(what: string): void {
    if (this.#charge(frameCosts.malformed)) this.close(closeCode.malformed, what);
  }

  /** A ping or pong of WebSocket itself has come. */
  #control(): boolean {
    this.#heard = true;
    if (this.#isLimited) this.#socket.pause();
    return !this.closed && this.#charge(frameCosts.controlFrame);
  }

  #await(work: () => Promise<void>): void {
    this.#socket.pause();
    this.#handling = work()
      .catch((error: unknown) => {
        this.#edge.logger.error({ err: error }, "a frame could not be handled");
        this.close(closeCode.tryLater, "internal error");
      })
      .finally(() => {
        this.#handling = undefined;
        while (this.#handling === undefined && this.#queued.length > 0 && !this.closed) {
          this.#handle(this.#queued.shift()!);
        }
        const reads = this.#handling === undefined && !this.#draining && !this.closed;
        if (reads) this.#socket.resume();
      });
  }

  async #hello({ token, resume, sdk }: Hello): Promise<void> {
    if (this.#mode === "open") {
      this.#malformed("hello came twice");
      return;
    }
    const nowMs = performance.now();
    // Before the signature is looked at: whoever names an account that must wait, waits.
    const waitMs = this.#edge.budgets.helloInMs(claimedAccount(token), nowMs);
    if (waitMs > 0) {
      this.#refuse(limited("rate-limited", "this account has sent too much: wait", waitMs));
      return;
    }
    const checkInMs = this.#edge.newcomers.takeTokenCheck(this.#address, nowMs);
    if (checkInMs > 0) {
      this.#refuse(limited("rate-limited", "too many connections of this address", checkInMs));
      return;
    }
    const claims = await this.#tokens.check(token);
    if (claims === undefined || this.closed) return;
    const { accountId, accountText } = claims;
    const budget = this.#edge.budgets.of(accountText, nowMs);
    const inMs = budget.takeUnits(frameCosts.hello, performance.now());
    if (inMs > 0) {
      this.#refuse(limited("rate-limited", "this account has sent too much: wait", inMs));
      return;
    }
    this.#budget = budget;
    const residence = this.#edge.residences.of(claims);
    const sessionId = this.#edge.sessionId(accountText, resume);
    const begunMs = Math.floor(this.#edge.worldNow());
    this.#session = { sessionId, accountId, accountText, residence, begunMs, sdk };
    this.#tokens.accept(claims);
    this.#mode = "open";
    this.#stopGuard();
    this.#leaveNewcomers();
    this.#edge.register(this);
    this.#send(welcomeFrame(this.#session, this.#edge.config, this.#edge.worldNow()));
    this.#listening.begin(accountText);
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
    this.#edge.residences.of(claims);
  }

  /** It hears why at once, and is held for half a second: who comes back by the hundred comes back more slowly. */
  #refuse(error: EdgeError): void {
    this.#error(error);
    this.close(closeCode.limits, error.message);
    this.#socket.pause();
  }

  #error(
    error: EdgeError,
    about: Pick<MessageInitShape<typeof ErrorSchema>, "key" | "topic"> = {},
  ): void {
    this.#send(
      serverFrame({
        case: "error",
        value: {
          errorCode: error.code,
          reason: error.reason,
          message: error.message,
          retryAfterMs: error.retryAfterMs ?? 0,
          ...about,
        },
      }),
    );
  }

  #send(frame: Uint8Array): void {
    if (!this.closed) this.#sent(this.#outbox.send(frame));
  }

  #sent(taken: boolean): void {
    if (!taken) this.tooSlow();
  }
}
