/**
 * One WebSocket from its opening to its end.
 *
 * Modes:
 * - `opening`: until the socket is open; then `hello` is sent.
 * - `greeting`: until `welcome`.
 * - `open`: frames both ways, a ping every few seconds.
 * - `ended`: said once, with a reason; nothing comes after it.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  ClientFrameSchema,
  type ServerFrame,
  ServerFrameSchema,
  type Welcome,
} from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { type CloseReason, closeReasonOf, malformedCloseCode } from "./close-reason.ts";
import { bufferedBytesMax, type ClientTiming } from "./limits.ts";

export type ClientFrameInit = NonNullable<MessageInitShape<typeof ClientFrameSchema>["frame"]>;
export type ServerFrameContent = ServerFrame["frame"];

export interface SocketOptions {
  readonly url: string;
  readonly token: string;
  /** Session to go on with; empty = a new one. */
  readonly resume: Uint8Array;
  readonly sdk: string;
  readonly timing: ClientTiming;
  readonly onWelcome: (welcome: Welcome, roundTripMs: number) => void;
  readonly onPong: (serverTimeMs: number, roundTripMs: number) => void;
  /** Any frame but welcome and pong; never before the welcome. */
  readonly onFrame: (content: ServerFrameContent) => void;
  readonly onEnd: (reason: CloseReason, detail: string) => void;
  /** Bytes that went or came; for counters and for those who watch. */
  readonly onTraffic: (direction: "sent" | "received", content: Traffic, bytes: number) => void;
}

export type Traffic = ClientFrameInit | ServerFrameContent;

/** Subprotocol of the frames. */
export const subprotocol = "hexhold.v1";

export class FrameSocket {
  readonly #options: SocketOptions;
  readonly #socket: WebSocket;
  #mode: "opening" | "greeting" | "open" | "ended" = "opening";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pinger: ReturnType<typeof setInterval> | undefined;
  #nonce = 0n;
  #heardMs = 0;
  #askedMs = 0;
  #refusal: CloseReason | undefined;

  /** Throws a SyntaxError when the URL is none. */
  constructor(options: SocketOptions) {
    this.#options = options;
    const socket = new WebSocket(options.url, subprotocol);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => this.#greet());
    socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => this.#receive(data));
    // Says nothing of use; `close` follows.
    socket.addEventListener("error", () => undefined);
    socket.addEventListener("close", ({ code, reason }) => {
      this.#end(this.#refusal ?? closeReasonOf(code), reason);
    });
    this.#timer = setTimeout(() => this.#cut("silent", "no welcome"), options.timing.welcomeMsMax);
  }

  get isOpen(): boolean {
    return this.#mode === "open";
  }

  /** False: it was not sent, because there is no session or too much waits already. */
  send(content: ClientFrameInit): boolean {
    return this.isOpen && this.sendBytes(encodeFrame(content), content);
  }

  /** As {@link send}, for a frame that is encoded already. */
  sendBytes(bytes: Uint8Array<ArrayBuffer>, content: Traffic): boolean {
    if (!this.isOpen || this.#socket.bufferedAmount > bufferedBytesMax) return false;
    // Closing: the server has said goodbye. What comes of that is told by `close`, or by silence.
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#transmit(bytes, content);
    return true;
  }

  /** Ends it from this side; `onEnd` is not called. */
  close(): void {
    this.#mode = "ended";
    clearTimeout(this.#timer);
    clearInterval(this.#pinger);
    this.#socket.close(1000);
  }

  #greet(): void {
    if (this.#mode !== "opening") return;
    this.#mode = "greeting";
    this.#askedMs = performance.now();
    const { token, resume, sdk } = this.#options;
    const hello: ClientFrameInit = { case: "hello", value: { token, resume, sdk } };
    this.#transmit(encodeFrame(hello), hello);
  }

  #transmit(bytes: Uint8Array<ArrayBuffer>, content: Traffic): void {
    this.#socket.send(bytes);
    this.#options.onTraffic("sent", content, bytes.length);
  }

  #receive(data: unknown): void {
    if (this.#mode === "ended") return;
    this.#heardMs = performance.now();
    if (!(data instanceof ArrayBuffer)) {
      this.#cut("malformed-frame", "a text frame");
      return;
    }
    let content: ServerFrameContent;
    try {
      content = fromBinary(ServerFrameSchema, new Uint8Array(data)).frame;
    } catch (error) {
      this.#cut("malformed-frame", String(error));
      return;
    }
    this.#options.onTraffic("received", content, data.byteLength);
    switch (content.case) {
      case "welcome":
        this.#welcomed(content.value);
        break;
      case "pong":
        if (this.isOpen && content.value.nonce === this.#nonce) {
          this.#options.onPong(
            Number(content.value.serverTimeMs),
            performance.now() - this.#askedMs,
          );
        }
        break;
      case undefined:
        // A frame of a newer server: it must do without this client's understanding.
        break;
      default:
        if (content.case === "error")
          this.#noteRefusal(content.value.errorCode, content.value.reason);
        if (this.isOpen) this.#options.onFrame(content);
    }
  }

  #welcomed(welcome: Welcome): void {
    if (this.#mode !== "greeting") {
      this.#cut("malformed-frame", "welcome out of turn");
      return;
    }
    this.#mode = "open";
    clearTimeout(this.#timer);
    this.#startPinging();
    this.#options.onWelcome(welcome, performance.now() - this.#askedMs);
  }

  /** The token was not taken: the close that follows says less than this frame. */
  #noteRefusal(errorCode: number, reason: string): void {
    if (errorCode !== ErrorCode.UNAUTHENTICATED) return;
    this.#refusal =
      reason === "expired-token" || reason === "bad-token" ? reason : "not-authenticated";
  }

  /** Every frame is a sign of life. Asked for one, a server that is there answers within `silenceMsMax`. */
  #startPinging(): void {
    const { pingEveryMs, silenceMsMax } = this.#options.timing;
    this.#pinger = setInterval(() => {
      this.ping();
      const askedMs = this.#askedMs;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        if (this.isOpen && this.#heardMs < askedMs) this.#cut("silent", "no pong");
      }, silenceMsMax);
    }, pingEveryMs);
  }

  /** Asks for the server's time; `onPong` hears of the answer. */
  ping(): void {
    this.#nonce++;
    this.#askedMs = performance.now();
    this.send({ case: "ping", value: { nonce: this.#nonce } });
  }

  #cut(reason: CloseReason, detail: string): void {
    this.#socket.close(reason === "malformed-frame" ? malformedCloseCode : 1000);
    this.#end(reason, detail);
  }

  #end(reason: CloseReason, detail: string): void {
    if (this.#mode === "ended") return;
    this.#mode = "ended";
    clearTimeout(this.#timer);
    clearInterval(this.#pinger);
    this.#options.onEnd(reason, detail);
  }
}

export function encodeFrame(content: ClientFrameInit): Uint8Array<ArrayBuffer> {
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame: content }));
}
