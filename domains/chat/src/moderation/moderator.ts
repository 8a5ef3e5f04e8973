/** Looks at texts before they are said. A port: the word list is the one that is built in. */
import type { Logger } from "@hexhold/telemetry";
import type { ChatMetrics } from "../chat-metrics.ts";

export type Verdict =
  | { readonly kind: "allow" }
  /** It is said with this text instead: not empty, and within the same bounds. */
  | { readonly kind: "mask"; readonly text: string }
  | { readonly kind: "refuse" };

/**
 * @param account who says it, UUID as text. May throw, and may take its time: 50 ms later the text is said without it, and
 * flagged for moderators.
 */
export type Moderate = (text: string, account: string) => Verdict | Promise<Verdict>;

/** What became of a text; `isFlagged`: nobody has looked at it. */
export type Moderated =
  | {
      readonly kind: "said";
      readonly text: string;
      readonly isMasked: boolean;
      readonly isFlagged: boolean;
    }
  | { readonly kind: "refused" };

export const moderateMsMax = 50;

export interface ModeratorOptions {
  readonly moderate: Moderate;
  readonly logger: Logger;
  readonly metrics: Pick<ChatMetrics, "filterFailures">;
  /** Milliseconds; default 50. Players wait so long at most for a filter that does not answer. */
  readonly timeoutMs?: number;
  /** A text that the filter has made must be one that may be said. */
  readonly isAllowed: (text: string) => boolean;
}

/** Never rejects. */
export type Moderator = (text: string, account: string) => Promise<Moderated>;

export function createModerator(options: ModeratorOptions): Moderator {
  const { moderate, logger, metrics, timeoutMs = moderateMsMax, isAllowed } = options;
  const unlooked = (text: string, cause: "slow" | "failed"): Moderated => {
    metrics.filterFailures.inc({ cause });
    return { kind: "said", text, isMasked: false, isFlagged: true };
  };
  return async (text, account) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), timeoutMs);
    });
    try {
      // In a turn of its own: what throws at once rejects as well.
      const asked = Promise.resolve().then(() => moderate(text, account));
      const verdict = await Promise.race([asked, late]);
      // What comes too late is nobody's concern, nor its failure.
      asked.catch(() => undefined);
      switch (verdict?.kind) {
        case "allow":
          return { kind: "said", text, isMasked: false, isFlagged: false };
        case "refuse":
          return { kind: "refused" };
        case "mask":
          if (!isAllowed(verdict.text)) throw new TypeError("a masked text that may not be said");
          return { kind: "said", text: verdict.text, isMasked: true, isFlagged: false };
        case undefined:
          return unlooked(text, "slow");
        default:
          return verdict satisfies never;
      }
    } catch (error) {
      logger.warn({ err: error }, "the filter of texts has failed: a text was let through");
      return unlooked(text, "failed");
    } finally {
      clearTimeout(timer);
    }
  };
}
