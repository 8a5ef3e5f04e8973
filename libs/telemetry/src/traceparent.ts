import { randomBytes } from "node:crypto";

/** W3C trace context, version 00, as it travels in envelopes, outbox rows and journal rows. */
export interface TraceContext {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all zero: the span that caused what follows. */
  readonly parentId: string;
  readonly sampled: boolean;
}

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const noTrace = "0".repeat(32);
const noParent = "0".repeat(16);
const lengthMax = 256;

/**
 * What `text` says, or undefined when it is no valid traceparent; a later version than 00 is read as
 * its first four fields, as the recommendation asks. Never throws: a bad one from outside is ignored.
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function parseTraceparent(text: string): TraceContext | undefined {
  if (text.length > lengthMax) return undefined;
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, version, traceId, parentId, flags, more] = match;
  if (version === undefined || traceId === undefined) return undefined;
  if (parentId === undefined || flags === undefined) return undefined;
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (traceId === noTrace || parentId === noParent) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The 55 characters of `context`. */
export function formatTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.parentId}-${context.sampled ? "01" : "00"}`;
}

/** A new trace. */
export function newTraceparent(sampled = true): string {
  return formatTraceparent({ traceId: randomId(16), parentId: randomId(8), sampled });
}

/** A new span of the trace of `parent`; a new trace, not sampled, when `parent` is no valid traceparent. */
export function childTraceparent(parent: string): string {
  const context = parseTraceparent(parent);
  if (context === undefined) return newTraceparent(false);
  return formatTraceparent({ ...context, parentId: randomId(8) });
}

/** Drawn in large pieces: every command of a gateway gets ids, and a draw costs more than its bytes. */
const poolBytes = 4096;
/** Hex digits. */
let pool = "";
let used = 0;

/** All zero would mean "none": drawn again, however unlikely. */
function randomId(byteLength: number): string {
  if (used + 2 * byteLength > pool.length) {
    pool = randomBytes(poolBytes).toString("hex");
    used = 0;
  }
  const digits = pool.slice(used, used + 2 * byteLength);
  used += 2 * byteLength;
  return digits === noTrace || digits === noParent ? randomId(byteLength) : digits;
}
