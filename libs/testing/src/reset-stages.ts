/**
 * Stages of handshakes at which a peer may go away with a TCP reset: raw bytes, so that each stage is reached
 * whatever a client library would do.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** What is sent, in pieces; `reply` waits until something has come back, or the connection has ended. */
export interface ResetStage {
  readonly name: string;
  readonly pieces: readonly (Uint8Array | "reply")[];
}

export interface ResetStageOptions {
  /** `/package.Service/Method` of each RPC that the port serves. */
  readonly rpcPaths: readonly string[];
  /** Client frames of a session, in order, by name; the first is its `hello`. None: no session is begun. */
  readonly frames?: readonly (readonly [string, Uint8Array])[];
}

const text = (...lines: string[]): Uint8Array => Buffer.from(lines.join("\r\n"));
const upgradeLines = (protocol: string, ...more: string[]): string[] => [
  "GET / HTTP/1.1",
  "host: x",
  "connection: upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
  `sec-websocket-protocol: ${protocol}`,
  ...more,
  "",
  "",
];
const upgrade = text(...upgradeLines("hexhold.v1"));
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const settings = http2Frame(4, 0, 0, Buffer.alloc(0));
const binary = 2;
const healthPath = "/grpc.health.v1.Health/Watch";

/** Every stage, `hello` and the frames of a session included when there are any. */
export function resetStages({ rpcPaths, frames = [] }: ResetStageOptions): ResetStage[] {
  const garbage = Buffer.from([0xff, 0xff, 0xff]);
  const open = [preface, settings] as const;
  return [
    stage("tcp"),
    stage("http/1 method", text("GE")),
    stage("http/1 headers", text("GET / HTTP/1.1", "host: x", "x-a: ")),
    ...answered("http/1 page", text("GET / HTTP/1.1", "host: x", "", "")),
    ...answered("http/1 healthz", text("HEAD /healthz HTTP/1.1", "host: x", "", "")),
    ...answered("http/1 nonsense", text("NONSENSE", "", "")),
    ...answered("http/1 bad host", text("GET /%ff HTTP/1.1", "host: [", "", "")),
    stage("upgrade headers", upgrade.subarray(0, 60)),
    ...answered("upgrade, no subprotocol", text(...upgradeLines("other"))),
    ...answered("upgrade, origin", text(...upgradeLines("hexhold.v1", "origin: http://e.example"))),
    ...answered("upgrade, key", Buffer.from(String(Buffer.from(upgrade)).replace("==", ""))),
    ...answered("upgrade, version", Buffer.from(String(Buffer.from(upgrade)).replace("13", "7"))),
    ...answered("upgrade", upgrade),
    stage("ws header", upgrade, "reply", webSocketFrame(binary, garbage).subarray(0, 3)),
    stage("ws payload", upgrade, "reply", webSocketFrame(binary, Buffer.alloc(99)).subarray(0, 50)),
    ...answered("ws text", upgrade, "reply", webSocketFrame(1, garbage)),
    ...answered("ws garbage", upgrade, "reply", webSocketFrame(binary, garbage)),
    ...answered("ws ping", upgrade, "reply", webSocketFrame(9, garbage)),
    ...answered("ws close", upgrade, "reply", webSocketFrame(8, Buffer.from([3, 232]))),
    ...answered("ws reserved", upgrade, "reply", webSocketFrame(0xf, garbage)),
    stage("http/2 preface begun", preface.subarray(0, 9)),
    ...answered("http/2 preface", preface),
    ...answered("http/2 settings", ...open),
    ...answered("http/2 garbage", ...open, Buffer.alloc(64, 0xee)),
    ...answered("http/2 stream", ...open, "reply", http2Headers(1, healthPath)),
    ...answered("http/2 page", ...open, "reply", http2Headers(1, "/", true)),
    ...answered(
      "http/2 data",
      ...open,
      "reply",
      http2Headers(1, healthPath),
      http2Frame(0, 0, 1, Buffer.alloc(3)),
    ),
    ...[1, 2, 8].flatMap((code) =>
      answered(
        `http/2 RST_STREAM ${code}`,
        ...open,
        "reply",
        http2Headers(1, healthPath),
        http2Frame(3, 0, 1, Buffer.from([0, 0, 0, code])),
      ),
    ),
    ...answered("http/2 GOAWAY", ...open, "reply", http2Frame(7, 0, 0, Buffer.alloc(8))),
    ...rpcPaths.flatMap((path) => rpcStages(path)),
    ...frames.flatMap(([name], i) => {
      const session = frames.slice(0, i + 1).map(([, bytes]) => webSocketFrame(binary, bytes));
      const [hello, ...rest] = session;
      const pieces = rest.length === 0 ? [hello!] : [hello!, "reply" as const, ...rest];
      return answered(`frame ${name}`, upgrade, "reply", ...pieces);
    }),
  ];
}

function stage(name: string, ...pieces: (Uint8Array | "reply")[]): ResetStage {
  return { name, pieces };
}

/** At once behind the last piece, and when an answer has come. */
function answered(name: string, ...pieces: (Uint8Array | "reply")[]): ResetStage[] {
  return [stage(name, ...pieces), stage(`${name}, answered`, ...pieces, "reply")];
}

function rpcStages(path: string): ResetStage[] {
  const post = (type: string, body: string, length = body.length) =>
    text(
      `POST ${path} HTTP/1.1`,
      "host: x",
      `content-type: application/${type}`,
      `content-length: ${length}`,
      "",
      body,
    );
  return [
    stage(`${path} begun`, post("json", "{", 99)),
    ...answered(path, post("json", "{}")),
    ...answered(`${path} stream`, post("connect+json", "\0\0\0\0\x02{}")),
    ...answered(`${path} http/2`, preface, settings, "reply", http2Headers(1, path, true)),
  ];
}

/** Connects, reaches the stage and resets. Resolves when it is over, however far it came in `replyMsMax` a step. */
export async function resetAt(
  { pieces }: ResetStage,
  port: number,
  host: string,
  replyMsMax = 1000,
): Promise<void> {
  const socket = connect({ port, host, noDelay: true });
  let ended = false;
  socket.on("error", () => (ended = true)).on("close", () => (ended = true));
  await Promise.race([once(socket, "connect").catch(() => undefined), pause(replyMsMax)]);
  for (const piece of pieces) {
    if (ended) break;
    if (piece !== "reply") {
      socket.write(piece);
      continue;
    }
    const waited = new AbortController();
    const { signal } = waited;
    await Promise.race([
      once(socket, "data", { signal }),
      once(socket, "close", { signal }),
      pause(replyMsMax, undefined, { signal }),
    ]).catch(() => undefined);
    waited.abort();
  }
  // What was written is on its way before the reset.
  await new Promise((resolve) => setImmediate(resolve));
  socket.resetAndDestroy();
  if (!socket.closed) await once(socket, "close").catch(() => undefined);
}

/** Of a client: masked, with a mask of zeros. */
function webSocketFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...size, 0, 0, 0, 0]), payload]);
}

function http2Frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.set([type, flags], 3);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** POST to `path` as gRPC; names by their index in HPACK's static table, values as they are. */
function http2Headers(stream: number, path: string, isWhole = false): Buffer {
  const value = (index: number[], content: string): Buffer =>
    Buffer.concat([Buffer.from([...index, content.length]), Buffer.from(content)]);
  const block = Buffer.concat([
    Buffer.from([0x83, 0x86]),
    value([0x04], path),
    value([0x01], "x"),
    value([0x0f, 0x10], "application/grpc"),
  ]);
  return http2Frame(1, isWhole ? 5 : 4, stream, block);
}
