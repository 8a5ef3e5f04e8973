/**
 * What an account may say now: mutes, buckets, repetitions. Pure: a decision and the speaker behind it.
 *
 * A speaker who is refused `too-fast` twenty times within five minutes is muted: for five minutes, and twice as long each time
 * that follows within a day of the last one's end, up to a day.
 */
import { type BucketRule, take } from "./bucket.ts";
import type { ChannelKind } from "./channels.ts";

/** Times are world time, Unix milliseconds. */
export interface Speaker {
  /** UUID as text. */
  readonly account: string;
  /** Undefined = it has none, or nobody has said it. */
  readonly name: string | undefined;
  readonly registeredMs: number | undefined;
  /** Key text of where its player lives; undefined = nobody has said it. */
  readonly hex: string | undefined;
  readonly hasEntered: boolean;
  readonly localFullMs: number;
  readonly worldFullMs: number;
  readonly whisperFullMs: number;
  readonly reportFullMs: number;
  /** Refusals for being too fast, the oldest first. */
  readonly tooFastMs: readonly number[];
  /** What it has said of late, the oldest first. */
  readonly said: readonly Spoken[];
  /** 0 = never. */
  readonly mutedUntilMs: number;
  readonly muteReason: string;
  /** Mutes by the service that followed one another. */
  readonly autoMutes: number;
  readonly takesWhispers: boolean;
}

export interface Spoken {
  /** Of channel and folded text. */
  readonly hash: bigint;
  readonly atMs: number;
}

export interface SpeakerRules {
  readonly local: BucketRule;
  readonly world: BucketRule;
  readonly whisper: BucketRule;
  /** Accounts that one may begin to whisper with in an hour. */
  readonly newPartnersPerHour: number;
  /** Age of accounts that speak to the world; 0 = any, and their players need not have been in the world. */
  readonly worldMinAgeMs: number;
}

export const repeatedMs = 30_000;
export const reportBucket: BucketRule = { burst: 10, everyMs: 60_000 };
const tooFastMax = 20;
const tooFastMs = 5 * 60_000;
const muteMsFirst = 5 * 60_000;
const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** What is remembered of what was said: more than the buckets of the defaults let through in 30 s. */
const saidMax = 256;
export const autoMuteReason = "too many messages";

export interface Speech {
  readonly kind: ChannelKind;
  readonly hash: bigint;
  /** A whisper to an account with which there was none before. */
  readonly isNewPartner: boolean;
  /** When the sender began to whisper with others, within the last hour, in any order. */
  readonly openedMs: readonly number[];
}

export type Decided =
  | { readonly kind: "said"; readonly speaker: Speaker }
  | {
      readonly kind: "refused";
      readonly reason: "muted" | "no-residence" | "too-new" | "too-fast" | "repeated";
      /** 0 = waiting helps nothing. */
      readonly retryAfterMs: number;
      readonly speaker: Speaker;
    };

export function speak(
  speaker: Speaker,
  speech: Speech,
  rules: SpeakerRules,
  nowMs: number,
): Decided {
  const refused = (
    reason: Extract<Decided, { kind: "refused" }>["reason"],
    retryAfterMs = 0,
    after = speaker,
  ): Decided => ({ kind: "refused", reason, retryAfterMs, speaker: after });
  if (speaker.mutedUntilMs > nowMs) return refused("muted", speaker.mutedUntilMs - nowMs);
  if (speech.kind === "hex" && speaker.hex === undefined) return refused("no-residence");
  if (speech.kind === "world" && rules.worldMinAgeMs > 0) {
    const { registeredMs, hasEntered } = speaker;
    if (registeredMs === undefined) return refused("too-new");
    const youngMs = registeredMs + rules.worldMinAgeMs - nowMs;
    if (youngMs > 0) return refused("too-new", youngMs);
    if (!hasEntered) return refused("too-new");
  }
  const field = fullOf[speech.kind];
  const taken = take(speaker[field], nowMs, rules[ruleOf[speech.kind]]);
  const waitMs = taken.kind === "empty" ? taken.waitMs : partnerWaitMs(speech, rules, nowMs);
  if (waitMs > 0) {
    const after = withTooFast(speaker, nowMs);
    const isMuted = after.mutedUntilMs > nowMs;
    return refused("too-fast", isMuted ? after.mutedUntilMs - nowMs : waitMs, after);
  }
  const late = speaker.said.filter(({ atMs }) => atMs > nowMs - repeatedMs && atMs <= nowMs);
  const same = late.find(({ hash }) => hash === speech.hash);
  if (same !== undefined) return refused("repeated", same.atMs + repeatedMs - nowMs);
  const said = [...late, { hash: speech.hash, atMs: nowMs }].slice(-saidMax);
  const fullMs = taken.kind === "taken" ? taken.fullMs : speaker[field];
  return { kind: "said", speaker: { ...speaker, [field]: fullMs, said } };
}

const fullOf = {
  hex: "localFullMs",
  world: "worldFullMs",
  whisper: "whisperFullMs",
} as const satisfies Record<ChannelKind, keyof Speaker>;
const ruleOf = { hex: "local", world: "world", whisper: "whisper" } as const;

/** Milliseconds until one may begin to whisper with somebody else. */
function partnerWaitMs(
  { isNewPartner, openedMs }: Speech,
  { newPartnersPerHour }: SpeakerRules,
  nowMs: number,
): number {
  if (!isNewPartner) return 0;
  const within = openedMs.filter((atMs) => atMs > nowMs - hourMs).toSorted((a, b) => b - a);
  const freeing = within[newPartnersPerHour - 1];
  return freeing === undefined ? 0 : freeing + hourMs - nowMs;
}

function withTooFast(speaker: Speaker, nowMs: number): Speaker {
  const late = [
    ...speaker.tooFastMs.filter((atMs) => atMs > nowMs - tooFastMs && atMs <= nowMs),
    nowMs,
  ];
  if (late.length < tooFastMax) return { ...speaker, tooFastMs: late };
  const isForgiven = speaker.mutedUntilMs + dayMs < nowMs;
  const before = isForgiven ? 0 : speaker.autoMutes;
  return {
    ...speaker,
    tooFastMs: [],
    mutedUntilMs: nowMs + Math.min(muteMsFirst * 2 ** before, dayMs),
    muteReason: autoMuteReason,
    autoMutes: Math.min(before + 1, 32),
  };
}

/** One more report of it. */
export function reportOf(
  speaker: Speaker,
  nowMs: number,
):
  | { readonly kind: "reported"; readonly speaker: Speaker }
  | { readonly kind: "too-fast"; readonly retryAfterMs: number } {
  const taken = take(speaker.reportFullMs, nowMs, reportBucket);
  return taken.kind === "taken"
    ? { kind: "reported", speaker: { ...speaker, reportFullMs: taken.fullMs } }
    : { kind: "too-fast", retryAfterMs: taken.waitMs };
}
