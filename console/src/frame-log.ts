/** The last frames as lines of a list. */
import { hexDigits, type SeenFrame } from "@hexhold/client";
import { signal } from "@preact/signals";

export interface FrameLine {
  readonly nth: number;
  readonly direction: "sent" | "received";
  readonly kind: string;
  readonly about: string;
  readonly bytes: number;
  /** Answers: since the command was sent. */
  readonly latencyMs: number | undefined;
  readonly tone: "plain" | "good" | "bad";
  /** Frames that this line stands for: a walk is many that differ in nothing to be read. */
  readonly count: number;
  readonly atMs: number;
}

const linesMax = 60;
/** A frame like one of the last few lines, and so soon after it, is counted there. */
const alikeLines = 4;
const alikeMs = 2000;
/** Commands whose answer is awaited; older ones are forgotten. */
const awaitedMax = 256;

export const frameLines = signal<readonly FrameLine[]>([]);

const sentMs = new Map<string, { readonly type: string; readonly atMs: number }>();
let nth = 0;

export function noteFrame(frame: SeenFrame): void {
  const { direction, bytes } = frame;
  const { kind, about, latencyMs, tone } = describe(frame);
  const atMs = performance.now();
  const lines = frameLines.value;
  const alike = lines.findIndex(
    (line, i) =>
      i < alikeLines &&
      line.direction === direction &&
      line.kind === kind &&
      line.about === about &&
      atMs - line.atMs < alikeMs,
  );
  const line: FrameLine = {
    nth: lines[alike]?.nth ?? nth++,
    direction,
    kind,
    about,
    bytes,
    latencyMs,
    tone,
    count: (lines[alike]?.count ?? 0) + 1,
    atMs,
  };
  frameLines.value = alike < 0 ? [line, ...lines.slice(0, linesMax - 1)] : lines.with(alike, line);
}

function describe({
  content,
}: SeenFrame): Pick<FrameLine, "kind" | "about" | "latencyMs" | "tone"> {
  const plain = { latencyMs: undefined, tone: "plain" } as const;
  switch (content.case) {
    case "command": {
      const { requestId, type = "" } = content.value;
      if (requestId instanceof Uint8Array) {
        sentMs.set(hexDigits(requestId), { type, atMs: performance.now() });
        if (sentMs.size > awaitedMax) sentMs.delete(sentMs.keys().next().value!);
      }
      return { kind: "command", about: type, ...plain };
    }
    case "answer": {
      const { requestId, outcome } = content.value;
      const id = requestId instanceof Uint8Array ? hexDigits(requestId) : "";
      const sent = sentMs.get(id);
      sentMs.delete(id);
      const word =
        outcome?.case === "refused" || outcome?.case === "error"
          ? `${outcome.case} ${outcome.value.reason ?? ""}`
          : (outcome?.case ?? "empty");
      return {
        kind: "answer",
        about: `${word}${sent === undefined ? "" : ` · ${sent.type.split(".").at(-1)}`}`,
        latencyMs: sent === undefined ? undefined : performance.now() - sent.atMs,
        tone: outcome?.case === "applied" ? "good" : "bad",
      };
    }
    case "event":
      return { kind: "event", about: content.value.type ?? "", ...plain };
    case "state":
      return { kind: "state", about: `seq ${String(content.value.viewSeq ?? 0n)}`, ...plain };
    case "subscribe":
    case "unsubscribe":
      return { kind: content.case, about: hexCount(content.value.keys?.length ?? 0), ...plain };
    case "topic": {
      const { topic, type } = content.value;
      return { kind: "topic", about: type === "" ? `${topic} mark` : type, ...plain };
    }
    case "listen":
      return {
        kind: "listen",
        about: [...(content.value.add ?? []), ...(content.value.drop ?? [])].join(" "),
        ...plain,
      };
    case "error":
      return {
        kind: "error",
        about: content.value.reason ?? "",
        latencyMs: undefined,
        tone: "bad",
      };
    default:
      return { kind: content.case ?? "unknown", about: "", ...plain };
  }
}

function hexCount(count: number): string {
  return count === 1 ? "1 hex" : `${count} hexes`;
}
