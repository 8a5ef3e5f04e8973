/**
 * A player for load and faults: speaks the frames itself, so that what it says of the server does not
 * depend on the SDK. Repeats with the same request id whatever is not final, and keeps count of everything.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema, ServerFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { type Answer, ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { HexViewSchema, type HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { GatheredSchema, LevelRaisedSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { type Key, parseKeyText } from "@hexhold/hex";
import type { Player } from "./start-world.ts";

/** A command from its first send to its final answer. */
export interface PlayedCommand {
  readonly requestId: Uint8Array;
  readonly type: string;
  readonly payload: Uint8Array;
  readonly firstSentMs: number;
  /** Longest time from a send to its answer, whatever the answer. */
  longestAnswerMs: number;
  sends: number;
  finalMs: number;
  answer: Answer | undefined;
  /** `applied`, `refused:<reason>` or `error:<CODE>:<reason>` of every answer, in order. */
  readonly outcomes: string[];
}

export interface ViewCheck {
  /** Holes in the numbers that no full state healed: must stay 0. */
  unnoticedGaps: number;
  states: number;
  events: number;
  view: HexView | undefined;
  activationId: string;
  viewSeq: bigint;
}

export interface LoadPlayer {
  readonly player: Player;
  readonly key: Key;
  readonly commands: readonly PlayedCommand[];
  readonly view: ViewCheck;
  readonly connections: number;
  /** Sends a command until it has a final answer; never rejects, gives up after `giveUpMs`. */
  command(type: string, payload: Uint8Array, options?: CommandOptions): Promise<PlayedCommand>;
  subscribe(): void;
  close(): void;
}

export interface CommandOptions {
  readonly requestId?: Uint8Array;
  readonly volatileSeq?: bigint;
  readonly giveUpMs?: number;
  /** A command of a domain service: it names no hex. */
  readonly keyless?: boolean;
  /** Default: the player's first hex. */
  readonly key?: Key;
  /** Only one send. */
  readonly once?: boolean;
}

const retryable = new Set<ErrorCode>([
  ErrorCode.UNAVAILABLE,
  ErrorCode.UNKNOWN_OUTCOME,
  ErrorCode.RESOURCE_EXHAUSTED,
]);
const silenceMs = 8000;
/** A command without a final answer is repeated for so long: twice the longest outage that is tried. */
export const giveUpMsDefault = 120_000;

/**
 * Connects to the first of `urls`, and again, to the next one, whenever the connection is lost. Resolves at
 * the first `welcome`.
 */
export async function joinPlayer(
  urls: string | readonly string[],
  player: Player,
): Promise<LoadPlayer> {
  const places = typeof urls === "string" ? [urls] : urls;
  const key = parseKeyText(player.key);
  const commands: PlayedCommand[] = [];
  const view: ViewCheck = {
    unnoticedGaps: 0,
    states: 0,
    events: 0,
    view: undefined,
    activationId: "",
    viewSeq: 0n,
  };
  // Copies of one command are answered in the order of their sends.
  const waiting = new Map<string, ((answer: Answer | undefined) => void)[]>();
  let socket: WebSocket | undefined;
  let ready = Promise.withResolvers<void>();
  let closed = false;
  let subscribed = false;
  let connections = 0;
  let attempts = 0;

  const send = (frame: Parameters<typeof frameBytes>[0]): void => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(frameBytes(frame));
  };
  const open = (): void => {
    const opened = new WebSocket(places[attempts++ % places.length]!, "hexhold.v1");
    opened.binaryType = "arraybuffer";
    socket = opened;
    opened.addEventListener("open", () => {
      connections++;
      send({ case: "hello", value: { token: player.token, sdk: "load-player" } });
    });
    opened.addEventListener("message", (message) =>
      receive(new Uint8Array(message.data as ArrayBuffer)),
    );
    opened.addEventListener("close", () => {
      if (socket !== opened) return;
      ready = Promise.withResolvers<void>();
      for (const resolve of [...waiting.values()].flat()) resolve(undefined);
      waiting.clear();
      if (!closed) setTimeout(open, 100);
    });
    opened.addEventListener("error", () => undefined);
  };
  const receive = (bytes: Uint8Array): void => {
    const { frame } = fromBinary(ServerFrameSchema, bytes);
    switch (frame.case) {
      case "welcome":
        ready.resolve();
        if (subscribed) send({ case: "subscribe", value: { keys: [key] } });
        break;
      case "answer":
        waiting.get(hexOf(frame.value.requestId))?.shift()?.(frame.value);
        break;
      case "state":
        view.states++;
        view.view = fromBinary(HexViewSchema, frame.value.view);
        view.activationId = hexOf(frame.value.activationId);
        view.viewSeq = frame.value.viewSeq;
        break;
      case "event": {
        const { activationId, viewSeq, type, payload } = frame.value;
        if (hexOf(activationId) !== view.activationId || viewSeq !== view.viewSeq + 1n)
          view.unnoticedGaps++;
        view.activationId = hexOf(activationId);
        view.viewSeq = viewSeq;
        view.events++;
        applyEvent(view, type, payload);
        break;
      }
      default:
    }
  };
  open();
  await ready.promise;

  const command: LoadPlayer["command"] = async (type, payload, options = {}) => {
    const requestId = options.requestId ?? newRequestId();
    const played: PlayedCommand = {
      requestId,
      type,
      payload,
      firstSentMs: performance.now(),
      longestAnswerMs: 0,
      sends: 0,
      finalMs: 0,
      answer: undefined,
      outcomes: [],
    };
    commands.push(played);
    const endMs = played.firstSentMs + (options.giveUpMs ?? giveUpMsDefault);
    while (performance.now() < endMs && !closed) {
      await Promise.race([ready.promise, pause(silenceMs, undefined, { ref: false })]);
      const sentMs = performance.now();
      const answer = await new Promise<Answer | undefined>((resolve) => {
        const id = hexOf(requestId);
        waiting.set(id, [...(waiting.get(id) ?? []), resolve]);
        const timer = setTimeout(() => {
          const others = (waiting.get(id) ?? []).filter((other) => other !== resolve);
          waiting.set(id, others);
          resolve(undefined);
        }, silenceMs);
        timer.unref();
        played.sends++;
        send({
          case: "command",
          value: {
            requestId,
            type,
            version: 1,
            ...(options.keyless === true ? {} : { key: { ...(options.key ?? key) } }),
            payload,
            volatileSeq: options.volatileSeq ?? 0n,
          },
        });
      });
      played.longestAnswerMs = Math.max(played.longestAnswerMs, performance.now() - sentMs);
      played.outcomes.push(nameOf(answer));
      const { outcome } = answer ?? { outcome: { case: undefined } };
      const again =
        outcome.case === undefined ||
        (outcome.case === "error" && retryable.has(outcome.value.errorCode));
      if (!again || options.once === true) {
        played.answer = answer;
        played.finalMs = performance.now();
        break;
      }
      const wait = outcome.case === "error" ? outcome.value.retryAfterMs : 0;
      await pause(Math.min(Math.max(wait, 50), 500), undefined, { ref: false });
    }
    if (waiting.get(hexOf(requestId))?.length === 0) waiting.delete(hexOf(requestId));
    return played;
  };
  return {
    player,
    key,
    commands,
    view,
    get connections() {
      return connections;
    },
    command,
    subscribe() {
      subscribed = true;
      send({ case: "subscribe", value: { keys: [key] } });
    },
    close() {
      closed = true;
      socket?.close();
    },
  };
}

function nameOf(answer: Answer | undefined): string {
  const outcome = answer?.outcome;
  if (outcome?.case === "refused") return `refused:${outcome.value.reason}`;
  if (outcome?.case === "error")
    return `error:${errorCodeName(outcome.value.errorCode)}:${outcome.value.reason}`;
  return outcome?.case ?? "silence";
}

function errorCodeName(code: ErrorCode): string {
  return Object.entries(ErrorCode).find(([, value]) => value === code)?.[0] ?? String(code);
}

/** The parts of the view that commands of the tests change. */
function applyEvent(view: ViewCheck, type: string, payload: Uint8Array): void {
  const state = view.view;
  if (state === undefined) return;
  if (type === "evt.hex.gathered") {
    const event = fromBinary(GatheredSchema, payload);
    state.xp += event.amount;
    const stock = state.stocks.find((item) => item.resource === event.resource);
    if (stock !== undefined) {
      stock.amount = event.left;
      stock.asOfMs = event.atMs;
    }
  } else if (type === "evt.hex.level-raised") {
    const event = fromBinary(LevelRaisedSchema, payload);
    state.level = event.level;
    state.xp = event.xp;
  }
}

function frameBytes(
  frame: NonNullable<Parameters<typeof create<typeof ClientFrameSchema>>[1]>["frame"],
) {
  return new Uint8Array(toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame: frame! })));
}

function newRequestId(): Uint8Array {
  const id = new Uint8Array(randomBytes(16));
  new DataView(id.buffer).setBigUint64(0, (BigInt(Date.now()) << 16n) | 0x7000n | BigInt(id[7]!));
  id[8] = 0x80 | (id[8]! & 0x3f);
  return id;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
