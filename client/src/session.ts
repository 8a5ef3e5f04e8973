/**
 * A player's session over as many connections as it takes, to as many gateways as there are: each that is lost, or
 * asks to go elsewhere, is left for the next one, which is told of the session by its id. Described by {@link SessionState}:
 * - `connecting`: a token is fetched, a socket opened, `hello` sent.
 * - `online`: after `welcome`.
 * - `waiting`: the connection was lost or could not be made; tried again in a while.
 * - `closed`: for good: by `close`, because coming back is of no use, or because nothing answered for
 *   `giveUpMs`.
 */
import { type Notice, Notice_Kind, type Welcome } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { backoffMs } from "./backoff.ts";
import { afterClose, type CloseReason } from "./close-reason.ts";
import type { GatewayList } from "./gateway-list.ts";
import type { ClientTiming } from "./limits.ts";
import {
  type ClientFrameInit,
  FrameSocket,
  type ServerFrameContent,
  type SocketOptions,
  type Traffic,
} from "./socket.ts";

export type SessionState =
  | { readonly mode: "connecting"; readonly attempt: number }
  | { readonly mode: "online"; readonly welcome: Welcome }
  | {
      readonly mode: "waiting";
      readonly reason: CloseReason | "no-token";
      readonly detail: string;
      readonly retryInMs: number;
    }
  | { readonly mode: "closed"; readonly reason: EndReason; readonly detail: string };

/** `closed-here`: by `close`. `unreachable`: no welcome for `giveUpMs`. */
export type EndReason = CloseReason | "no-token" | "closed-here" | "unreachable";

export interface SessionOptions {
  readonly gateways: GatewayList;
  readonly token: string | (() => Promise<string>);
  readonly sdk: string;
  readonly timing: ClientTiming;
  readonly onState: (state: SessionState) => void;
  readonly onFrame: (content: ServerFrameContent) => void;
  /** The time that a welcome brought. */
  readonly onServerTime: (serverMs: number, roundTripMs: number) => void;
  readonly onPong: SocketOptions["onPong"];
  readonly onTraffic: SocketOptions["onTraffic"];
}

/** Tokens in a row that were not taken, before the client gives up. */
const tokensMax = 3;

export class Session {
  readonly #options: SessionOptions;
  #state: SessionState = { mode: "connecting", attempt: 0 };
  #socket: FrameSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sessionId: Uint8Array = new Uint8Array(0);
  #failures = 0;
  #refusedTokens = 0;
  #onlineSinceMs = 0;
  #lastOnlineMs = performance.now();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get state(): SessionState {
    return this.#state;
  }

  start(): void {
    void this.#connect();
  }

  send(content: ClientFrameInit): boolean {
    return this.#socket?.send(content) ?? false;
  }

  sendBytes(bytes: Uint8Array<ArrayBuffer>, content: Traffic): boolean {
    return this.#socket?.sendBytes(bytes, content) ?? false;
  }

  ping(): void {
    this.#socket?.ping();
  }

  close(): void {
    if (this.#state.mode !== "closed") this.#finish("closed-here", "the client was closed");
  }

  /** Never rejects. */
  async #connect(): Promise<void> {
    this.#change({ mode: "connecting", attempt: this.#failures });
    let token: string;
    try {
      token = await this.#token();
    } catch (error) {
      if (this.#state.mode === "connecting") this.#pause("no-token", String(error));
      return;
    }
    if (this.#state.mode !== "connecting") return;
    const { gateways, sdk, timing, onTraffic, onFrame, onServerTime, onPong } = this.#options;
    try {
      this.#socket = new FrameSocket({
        url: gateways.current,
        token,
        resume: this.#sessionId,
        sdk,
        timing,
        onTraffic,
        onPong,
        onWelcome: (welcome, roundTripMs) => {
          onServerTime(Number(welcome.serverTimeMs), roundTripMs);
          this.#welcomed(welcome);
        },
        onFrame: (content) => {
          if (content.case === "notice") this.#noticed(content.value);
          onFrame(content);
        },
        onEnd: (reason, detail) => this.#lost(reason, detail),
      });
    } catch (error) {
      this.#finish("unreachable", String(error));
    }
  }

  async #token(): Promise<string> {
    const { token } = this.#options;
    return typeof token === "string" ? token : token();
  }

  #welcomed(welcome: Welcome): void {
    this.#sessionId = welcome.sessionId;
    this.#refusedTokens = 0;
    this.#onlineSinceMs = performance.now();
    this.#change({ mode: "online", welcome });
  }

  #noticed({ kind }: Notice): void {
    if (kind === Notice_Kind.TOKEN_EXPIRING) void this.#refresh();
    else if (kind === Notice_Kind.GO_ELSEWHERE) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        if (this.#state.mode !== "online") return;
        this.#socket?.close();
        this.#lost("go-elsewhere", "the server asked to");
      }, Math.random() * this.#options.timing.leaveMsMax);
    }
  }

  /** Never rejects. A token that could not be had in time costs the connection, and the next asks again. */
  async #refresh(): Promise<void> {
    if (typeof this.#options.token === "string") return;
    const socket = this.#socket;
    try {
      const token = await this.#options.token();
      socket?.send({ case: "refresh", value: { token } });
    } catch {
      // The server closes with 4401 when the old one ends.
    }
  }

  #lost(reason: CloseReason, detail: string): void {
    this.#socket = undefined;
    if (this.#state.mode === "closed") return;
    const nowMs = performance.now();
    if (this.#state.mode === "online") {
      this.#lastOnlineMs = nowMs;
      if (nowMs - this.#onlineSinceMs >= this.#options.timing.stableMs) this.#failures = 0;
    }
    const then = afterClose(reason);
    if (then === "new-token") this.#refusedTokens++;
    const mayAskAgain =
      typeof this.#options.token === "function" && this.#refusedTokens < tokensMax;
    if (then === "end" || (then === "new-token" && !mayAskAgain)) {
      this.#finish(reason, detail);
      return;
    }
    // A token that one gateway does not take, no other takes.
    if (then === "reconnect") this.#options.gateways.advance();
    this.#pause(reason, detail);
  }

  #pause(reason: CloseReason | "no-token", detail: string): void {
    const { gateways, timing } = this.#options;
    const { reconnect, giveUpMs } = timing;
    // Pauses grow with the rounds through all gateways: the next one need not suffer for this one.
    const retryInMs = backoffMs(Math.floor(this.#failures++ / gateways.count), reconnect);
    if (performance.now() + retryInMs - this.#lastOnlineMs > giveUpMs) {
      this.#finish("unreachable", `${reason}: ${detail}`);
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect(), retryInMs);
    this.#change({ mode: "waiting", reason, detail, retryInMs });
  }

  #finish(reason: EndReason, detail: string): void {
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = undefined;
    this.#change({ mode: "closed", reason, detail });
  }

  #change(state: SessionState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}
