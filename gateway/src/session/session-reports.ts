/**
 * Tells the accounts service which sessions are open here, and every 5 s that this gateway lives: whose sessions are all
 * gone goes offline. One report at a time, sent again until it is answered; ADR 24.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ReportSessionsSchema,
  SessionsReported,
} from "@hexhold/gen/hexhold/accounts/v1/sessions_pb";
import type { Key } from "@hexhold/hex";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import type { Logger } from "@hexhold/telemetry";
import type { Called } from "../accounts/accounts-client.ts";
import { type PendingReport, PendingReports } from "./pending-reports.ts";

/** A session at this gateway. */
export interface HeldSession {
  readonly sessionId: Uint8Array;
  readonly accountId: Uint8Array;
  /** Where its player lives, as far as is known now. */
  readonly residence: { readonly key: Key | undefined };
}

type ReportInit = MessageInitShape<typeof ReportSessionsSchema>;

export interface SessionReportsOptions {
  readonly report: (report: ReportInit) => Promise<Called<SessionsReported>>;
  readonly instance: string;
  /** UUID text. */
  readonly incarnation: string;
  /** All that are open here. */
  readonly held: () => Iterable<HeldSession>;
  readonly logger: Logger;
  /** Default 5 s: half of the shortest silence that accounts may be configured to take for a death. */
  readonly everyMs?: number;
  /** Default 1 s, from an unanswered report to the next try. */
  readonly retryMs?: number;
}

export interface SessionReports {
  /** A session has begun, or goes on after a reconnect. */
  begun(session: HeldSession): void;
  ended(session: HeldSession): void;
  /** There is a broker again: what waits is sent now. */
  wake(): void;
  /** What accounts do not know by then they find out by this gateway's silence. */
  stop(): void;
}

/** Sessions that begin or end together share a report. */
const gatherMs = 50;

export function startSessionReports(options: SessionReportsOptions): SessionReports {
  const { logger, instance, everyMs = 5000, retryMs = 1000 } = options;
  const gateway = uuidBytes(options.incarnation);
  const pending = new PendingReports<HeldSession>({
    held: options.held,
    idOf: ({ sessionId }) => uuidText(sessionId),
  });
  const stopping = new AbortController();
  let pause = new AbortController();
  let isUnheard = false;

  function initOf({ number, listBegins, listEnds, sessions }: PendingReport<HeldSession>) {
    return {
      gateway,
      instance,
      number: BigInt(number),
      listBegins,
      listEnds,
      sessions: sessions.map(({ session: { accountId, sessionId, residence }, held }) => ({
        accountId,
        sessionId,
        held,
        ...(residence.key === undefined
          ? {}
          : { residence: { hexId: residence.key.hexId, layerId: residence.key.layerId } }),
      })),
    } satisfies ReportInit;
  }

  /** True: it was answered. */
  async function tell(): Promise<boolean> {
    const called = await options.report(initOf(pending.next));
    const isHeard = called.case === "applied";
    if (isHeard) {
      const { listWanted } = called.result;
      if (listWanted) logger.info("accounts want the list of sessions");
      pending.answered(listWanted);
    }
    if (isHeard && isUnheard) logger.info("sessions are reported again");
    if (!isHeard && !isUnheard) {
      logger.warn(
        { outcome: called.case },
        "accounts do not hear of sessions; they are told again",
      );
    }
    isUnheard = !isHeard;
    return isHeard;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const isHeard = await tell();
      pause = new AbortController();
      const rested = isHeard ? (pending.isAny ? 0 : everyMs) : retryMs;
      const signal = AbortSignal.any([pause.signal, stopping.signal]);
      await sleep(rested, undefined, { signal, ref: false }).catch(() => undefined);
      await sleep(gatherMs, undefined, { ref: false });
    }
  }

  run().catch((error: unknown) =>
    logger.error({ err: error }, "sessions are not reported any more"),
  );
  const changed = (session: HeldSession, held: boolean): void => {
    pending.changed(session, held);
    // What was not heard is not sent more often because of it.
    if (!isUnheard) pause.abort();
  };
  return {
    begun: (session) => changed(session, true),
    ended: (session) => changed(session, false),
    wake: () => pause.abort(),
    stop: () => stopping.abort(),
  };
}
