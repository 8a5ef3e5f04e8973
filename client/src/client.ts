/** The SDK's one object: a session, commands, and views of hexes. */
import { create, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type Notice, Notice_Kind } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { ObserveSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { type Key, keyText } from "@hexhold/hex";
import { v7 } from "uuid";
import { hexDigits } from "./bytes.ts";
import { CommandQueue } from "./command-queue.ts";
import { type CommandContract, contractOf } from "./contract-of.ts";
import type { Seen } from "./hex-track.ts";
import { createGatewayList, type GatewayList } from "./gateway-list.ts";
import { createLatestWins, type LatestWins } from "./latest-wins.ts";
import { isDoneInHex, noticeNames, type NoticeName } from "./server-frames.ts";
import { type ClientTiming, askTimeMsMax, assumedLimits, defaultTiming } from "./limits.ts";
import { failed, type Outcome, type OutcomeOf, type ReadOutcome } from "./outcome.ts";
import { createServerClock } from "./server-clock.ts";
import { Session, type SessionState } from "./session.ts";
import {
  type ClientFrameInit,
  encodeFrame,
  type ServerFrameContent,
  type Traffic,
} from "./socket.ts";
import { type ClientStats, newStats } from "./stats.ts";
import { type HexListener, type Subscription, Subscriptions } from "./subscriptions.ts";
import { type Listening, type TopicListener, Topics } from "./topics.ts";
import type { ViewContract, ViewFold } from "./view-fold.ts";
import { foldReader, type ViewReader, withoutFold } from "./view-reader.ts";
import { type ClientWelcome, welcomeOf } from "./welcome.ts";

/** All options but the view. */
export interface ConnectOptions {
  /**
   * `ws://…` or `wss://…` of a gateway, or of several of one world: the client begins with any of them, and goes on
   * at the next one when a connection is lost or a gateway asks to go elsewhere.
   */
  readonly url: string | readonly string[];
  /** An access token, or where to get one: asked for at each connection, and before one expires. */
  readonly token: string | (() => Promise<string>);
  /** Name and version of the software, for the server's logs; at most 64 characters. */
  readonly sdk?: string;
  /** Each change of the session. */
  readonly onState?: (state: SessionState) => void;
  readonly onNotice?: (kind: NoticeName) => void;
  /** Every frame but pings, for those who watch. */
  readonly onFrame?: (frame: SeenFrame) => void;
  /**
   * A listener threw, or the world's views are not those that `view` reads: a {@link ViewError}, once, besides the
   * update `unreadable` of each hex. Default: thrown on, in a turn of its own, as an event target does.
   */
  readonly onFault?: (error: unknown) => void;
  readonly timing?: Partial<ClientTiming>;
}

export interface ClientOptions<V = undefined> extends ConnectOptions {
  /**
   * How the views of the world's game are read and carried on. Default: there are none; events are told as they come,
   * and `seen.view` is undefined.
   */
  readonly view?: ViewFold<V>;
}

/** With a fold, so that there is a `V`. */
export type ViewingOptions<V> = ClientOptions<V> & { readonly view: ViewFold<V> };

export interface SeenFrame {
  readonly direction: "sent" | "received";
  readonly content: Traffic;
  readonly bytes: number;
}

export interface SendOptions {
  /** 16 bytes of a UUIDv7 on the server's time; default: a new one. The same id is the same command. */
  readonly requestId?: Uint8Array;
  /** Ends the waiting, not the command: it may have been executed. The promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** In all, repetitions included; default 30 s, VOLATILE 5 s. */
  readonly timeoutMs?: number;
  /** False: does not wait for earlier commands for the same key, or domain service. VOLATILE commands never do. */
  readonly ordered?: boolean;
  /** VOLATILE commands: instead of the next number of this client. */
  readonly volatileSeq?: bigint;
}

/** Answer to {@link Client.observe}. */
export type ObserveOutcome<Observed> = Outcome<Observed, undefined>;

/** `V`: a view, by the fold; undefined without one. `Observed`: the same, but the bytes without a fold. */
export interface Client<V = undefined, Observed = [V] extends [undefined] ? Uint8Array : V> {
  readonly state: SessionState;
  /** URL of the gateway that it is connected to, or tries next. */
  readonly gateway: string;
  /** The newest welcome; undefined before the first. */
  readonly welcome: ClientWelcome | undefined;
  /** Resolves with the first welcome; rejects with a {@link ClientClosedError} when there will be none. */
  readonly ready: Promise<ClientWelcome>;
  readonly stats: Readonly<ClientStats>;
  /** The last measured round trip in milliseconds; undefined before the first. */
  readonly roundTripMs: number | undefined;
  /** Unix milliseconds of the server. */
  serverNow(): number;
  newRequestId(): Uint8Array;
  /**
   * Sends a command and resolves with its final outcome; `key` is undefined for a command of a domain service,
   * which is about the session's account. UNAVAILABLE, RESOURCE_EXHAUSTED, UNKNOWN_OUTCOME and a
   * lost connection are met by repeating it with the same id (12 sends, 30 s at most). Rejects only with the
   * reason of `signal`, and with a TypeError when `schema` is no command, or is `Observe`: see {@link observe}.
   */
  send<T extends Message>(
    schema: GenMessage<T>,
    key: Key | undefined,
    init?: MessageInitShape<GenMessage<NoInfer<T>>>,
    options?: SendOptions,
  ): Promise<OutcomeOf<T>>;
  /**
   * Sends a VOLATILE command, fire and forget: at most 20 a second for a hex and type, where a newer one
   * replaces one that waits. `onOutcome` hears of those that were sent.
   */
  sendLatest<T extends Message>(
    schema: GenMessage<T>,
    key: Key,
    init: MessageInitShape<GenMessage<NoInfer<T>>>,
    onOutcome?: (outcome: OutcomeOf<T>) => void,
  ): void;
  /**
   * Reads what observers may see of a hex, once: the view by the fold of this client, or its bytes without a fold. An
   * answer does not say of which message it is: a fold of several games reads it when a state of any hex has come
   * before, on whatever subscription. What it cannot read is an error, `INTERNAL` with the reason `unreadable-answer`.
   */
  observe(key: Key, options?: SendOptions): Promise<ObserveOutcome<Observed>>;
  /** Watches hexes: a full state first, then events in order. The server allows those around the player. */
  subscribe(keys: readonly Key[], listener: HexListener<V>): Subscription;
  /** The last view of a subscribed hex. */
  view(key: Key): Seen<V> | undefined;
  /** Asks for full states of subscribed hexes, to be held against what was folded (`stats.gapsUnnoticed`). */
  resync(keys: readonly Key[]): void;
  /**
   * Hears of a topic: `market/<book>`, or `player`, what is for the player of this session alone. Hints, which may be lost:
   * {@link createMarket}, {@link createInventory} and {@link createChat} make state of them.
   */
  listen(topic: string, listener: TopicListener): Listening;
  /** Measures the round trip now, besides every 5 s. */
  ping(): void;
  /** Ends the session. Commands that wait are answered UNAVAILABLE or UNKNOWN_OUTCOME. Idempotent. */
  close(): void;
}

/** The session is over, and why. */
export class ClientClosedError extends Error {
  readonly code = "CLIENT_CLOSED";
  readonly reason: string;
  constructor(reason: string, detail: string) {
    super(`the session is over: ${reason}${detail === "" ? "" : ` (${detail})`}`);
    this.name = "ClientClosedError";
    this.reason = reason;
  }
}

const volatileMsMax = 5000;

/** Makes a client and waits for its first welcome. Rejects with a {@link ClientClosedError}. */
export async function connect<V>(options: ViewingOptions<V>): Promise<Client<V, V>>;
export async function connect(options: ClientOptions): Promise<Client>;
export async function connect<V>(options: ClientOptions<V>): Promise<Client<V, V> | Client> {
  const client = clientOf(options);
  await client.ready;
  return client;
}

/** Makes a client that begins to connect at once; see `ready`. Throws a TypeError when no gateway is named. */
export function createClient<V>(options: ViewingOptions<V>): Client<V, V>;
export function createClient(options: ClientOptions): Client;
export function createClient<V>(options: ClientOptions<V>): Client<V, V> | Client {
  return clientOf(options);
}

function clientOf<V>({ view, ...options }: ClientOptions<V>): Client<V, V> | Client {
  return view === undefined ? started(options, withoutFold) : started(options, foldReader(view));
}

function started<V, Observed>(
  options: ConnectOptions,
  reader: ViewReader<V, Observed>,
): Client<V, Observed> {
  const client = new HexholdClient(options, reader);
  client.start();
  return client;
}

class HexholdClient<V, Observed> implements Client<V, Observed> {
  readonly ready: Promise<ClientWelcome>;
  readonly stats: ClientStats = newStats();
  welcome: ClientWelcome | undefined;
  roundTripMs: number | undefined;
  readonly #options: ConnectOptions;
  readonly #reader: ViewReader<V, Observed>;
  /** Of the newest state: all hexes have views of one game. */
  #viewCame: ViewContract = { type: "", version: 0 };
  readonly #timing: ClientTiming;
  readonly #clock = createServerClock();
  #askingTime: (() => void)[] = [];
  readonly #gateways: GatewayList;
  readonly #session: Session;
  readonly #commands: CommandQueue;
  readonly #subscriptions: Subscriptions<V>;
  readonly #topics: Topics;
  readonly #latest: LatestWins;
  readonly #settleReady: {
    resolve: (welcome: ClientWelcome) => void;
    reject: (error: Error) => void;
  };
  #volatileSeq = 0n;

  constructor(options: ConnectOptions, reader: ViewReader<V, Observed>) {
    this.#options = options;
    this.#reader = reader;
    const timing: ClientTiming = { ...defaultTiming, ...options.timing };
    this.#timing = timing;
    const { stats } = this;
    const { promise, resolve, reject } = Promise.withResolvers<ClientWelcome>();
    this.ready = promise;
    this.#settleReady = { resolve, reject };
    // Nobody need wait for it.
    promise.catch(() => undefined);
    this.#gateways = createGatewayList(options.url);
    this.#session = new Session({
      gateways: this.#gateways,
      token: options.token,
      sdk: options.sdk ?? "hexhold-ts/0.1.0",
      timing,
      onState: (state) => this.#changed(state),
      onFrame: (content) => this.#received(content),
      onServerTime: (serverMs, roundTripMs) => this.#clock.sample(serverMs, roundTripMs),
      onPong: (serverMs, roundTripMs) => {
        this.roundTripMs = roundTripMs;
        this.#clock.sample(serverMs, roundTripMs);
        for (const tell of this.#askingTime.splice(0)) tell();
      },
      onTraffic: (direction, content, bytes) => {
        if (direction === "sent") stats.framesSent++;
        else stats.framesReceived++;
        if (content.case === "ping" || content.case === "pong") return;
        this.#guard(() => options.onFrame?.({ direction, content, bytes }));
      },
    });
    this.#commands = new CommandQueue({
      send: (bytes, content) => this.#session.sendBytes(bytes, content),
      inFlightMax: () => this.#limits().commandsInFlightMax,
      frameBytesMax: () => this.#limits().frameBytesMax,
      timing,
      stats,
    });
    this.#subscriptions = new Subscriptions<V>({
      reader,
      send: (content: ClientFrameInit) => this.#session.send(content),
      timing,
      stats,
      onFault: (error) => this.#fault(error),
    });
    this.#topics = new Topics({
      send: (content) => this.#session.send(content),
      onFault: (error) => this.#fault(error),
    });
    this.#latest = createLatestWins(timing.latestEveryMs, stats);
  }

  get state(): SessionState {
    return this.#session.state;
  }

  get gateway(): string {
    return this.#gateways.current;
  }

  start(): void {
    this.#session.start();
  }

  serverNow(): number {
    return this.#clock.now();
  }

  newRequestId(): Uint8Array {
    return v7({ msecs: Math.floor(this.#clock.now()) }, new Uint8Array(16));
  }

  async send<T extends Message>(
    schema: GenMessage<T>,
    key: Key | undefined,
    init?: MessageInitShape<GenMessage<NoInfer<T>>>,
    options: SendOptions = {},
  ): Promise<OutcomeOf<T>> {
    if (contractOf(schema).resultIsView) {
      throw new TypeError(`${schema.typeName} is answered with a view: call observe`);
    }
    const outcome = await this.#submit(schema, key, init, options);
    // The contract names the messages that T's entry in CommandTypes types.
    return outcome as OutcomeOf<T>;
  }

  async observe(key: Key, options: SendOptions = {}): Promise<ObserveOutcome<Observed>> {
    const outcome = await this.#submit(ObserveSchema, key, {}, options);
    if (outcome.outcome === "error") return outcome;
    if (outcome.outcome === "refused") return { ...outcome, detail: undefined };
    const { result } = outcome;
    try {
      if (!(result instanceof Uint8Array)) throw new TypeError("its result is no view");
      const mismatch = this.#reader.mismatch(this.#viewCame);
      if (mismatch !== undefined) throw mismatch;
      return { ...outcome, result: this.#reader.observed(result, this.#viewCame.type) };
    } catch (error) {
      this.stats.malformed++;
      return failed("INTERNAL", "unreadable-answer", String(error));
    }
  }

  #submit<T extends Message>(
    schema: GenMessage<T>,
    key: Key | undefined,
    init: MessageInitShape<GenMessage<NoInfer<T>>> | undefined,
    options: SendOptions,
  ): Promise<ReadOutcome> {
    const contract = contractOf(schema);
    const isVolatile = contract.durability === Durability.VOLATILE;
    const given = {
      type: contract.type,
      version: contract.messageVersion,
      ...(key === undefined ? {} : { key: { hexId: key.hexId, layerId: key.layerId } }),
      payload: toBinary(schema, create(schema as DescMessage, init) as T),
      ...(isVolatile ? { volatileSeq: options.volatileSeq ?? ++this.#volatileSeq } : {}),
    };
    const orderUnder = (requestId: Uint8Array) => {
      const content: ClientFrameInit = { case: "command", value: { ...given, requestId } };
      return { requestId, content, bytes: encodeFrame(content) };
    };
    const order = orderUnder(options.requestId ?? this.newRequestId());
    // An id that the caller chose is the caller's: it may have been sent before.
    const renew =
      options.requestId === undefined
        ? async () => {
            await this.#askTime();
            return orderUnder(this.newRequestId());
          }
        : undefined;
    const isOrdered = !isVolatile && options.ordered !== false;
    return this.#commands.submit({
      ...order,
      contract,
      renew,
      lane: isOrdered ? laneOf(contract, key) : `#${hexDigits(order.requestId)}`,
      timeoutMs: options.timeoutMs ?? (isVolatile ? volatileMsMax : this.#timing.commandMsMax),
      signal: options.signal,
    });
  }

  sendLatest<T extends Message>(
    schema: GenMessage<T>,
    key: Key,
    init: MessageInitShape<GenMessage<NoInfer<T>>>,
    onOutcome?: (outcome: OutcomeOf<T>) => void,
  ): void {
    const { type, durability } = contractOf(schema);
    if (durability !== Durability.VOLATILE) throw new TypeError(`${type} is not VOLATILE`);
    this.#latest.offer(`${type} ${keyText(key)}`, async () => {
      const outcome = await this.send(schema, key, init);
      this.#guard(() => onOutcome?.(outcome));
    });
  }

  listen(topic: string, listener: TopicListener): Listening {
    return this.#topics.listen(topic, listener);
  }

  subscribe(keys: readonly Key[], listener: HexListener<V>): Subscription {
    return this.#subscriptions.subscribe(keys, listener);
  }

  view(key: Key): Seen<V> | undefined {
    return this.#subscriptions.view(key);
  }

  resync(keys: readonly Key[]): void {
    this.#subscriptions.resync(keys);
  }

  ping(): void {
    this.#session.ping();
  }

  close(): void {
    this.#session.close();
  }

  /** Until a pong has told the server's time, or it takes too long. */
  #askTime(): Promise<void> {
    this.#session.ping();
    return new Promise((resolve) => {
      this.#askingTime.push(resolve);
      setTimeout(resolve, askTimeMsMax);
    });
  }

  #limits() {
    return this.welcome?.limits ?? assumedLimits;
  }

  #changed(state: SessionState): void {
    switch (state.mode) {
      case "online":
        this.stats.welcomes++;
        this.welcome = welcomeOf(state.welcome);
        this.#settleReady.resolve(this.welcome);
        // What was on its way goes before anything that the application sends when it hears of it.
        this.#subscriptions.online();
        this.#topics.online();
        this.#commands.online();
        // The welcome waited for the token to be checked: a pong tells the time better.
        this.#session.ping();
        break;
      case "waiting":
        if (state.reason === "malformed-frame") this.stats.malformed++;
        this.#offline();
        break;
      case "closed":
        this.#offline();
        this.#latest.close();
        this.#subscriptions.close();
        this.#topics.close();
        this.#commands.close(`the session is over (${state.reason})`);
        this.#settleReady.reject(new ClientClosedError(state.reason, state.detail));
        break;
      case "connecting":
        break;
      default:
        state satisfies never;
    }
    this.#guard(() => this.#options.onState?.(state));
  }

  #offline(): void {
    this.roundTripMs = undefined;
    this.#clock.reset();
    this.#commands.offline();
    this.#subscriptions.offline();
    this.#topics.offline();
  }

  #received(content: ServerFrameContent): void {
    switch (content.case) {
      case "answer":
        this.#commands.answered(content.value);
        if (isDoneInHex(content.value)) this.#subscriptions.residenceKnown();
        break;
      case "state":
        this.#viewCame = { type: content.value.viewType, version: content.value.viewVersion };
        this.#subscriptions.onState(content.value);
        break;
      case "event":
        this.#subscriptions.onEvent(content.value);
        break;
      case "error":
        this.#subscriptions.onError(content.value);
        this.#topics.onError(content.value);
        break;
      case "topic":
        this.#topics.onTopic(content.value);
        break;
      case "notice":
        this.#noticed(content.value);
        break;
      default:
    }
  }

  #noticed({ kind, keys, topics }: Notice): void {
    if (kind === Notice_Kind.RESYNC) {
      this.#subscriptions.onResync(keys);
      this.#topics.onResync(topics);
    }
    if (kind === Notice_Kind.LEFT_BEHIND) this.#subscriptions.onLeftBehind(keys);
    const name = noticeNames[kind];
    if (name !== undefined) this.#guard(() => this.#options.onNotice?.(name));
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#fault(error);
    }
  }

  #fault(error: unknown): void {
    if (this.#options.onFault !== undefined) this.#options.onFault(error);
    else
      queueMicrotask(() => {
        throw error;
      });
  }
}

/** Commands for a hex keep their order, and so do those for a domain service. */
function laneOf({ type }: CommandContract, key: Key | undefined): string {
  return key === undefined ? type.slice(0, type.lastIndexOf(".")) : keyText(key);
}
