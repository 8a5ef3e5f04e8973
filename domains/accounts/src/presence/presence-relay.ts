/**
 * Takes players offline whose sessions are gone. Who is due is in the schema, so that a restart forgets nobody: one
 * message to the hex where the player lives, under one request id until its outcome is certain, and after it to
 * wherever the player went. Gateways that fall silent are found here as well.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { keyText } from "@hexhold/hex";
import type { Logger } from "@hexhold/telemetry";
import { nextStep, placeToLook } from "../rules/presence-rules.ts";
import type { Database } from "../store/database.ts";
import {
  claimPresences,
  countPresences,
  type DuePresence,
  postponePresence,
  renewPresence,
  settlePresence,
} from "../store/presence-rows.ts";
import { endSilentGateway } from "../store/session-rows.ts";
import type { Hearing } from "./hearing.ts";
import type { SendEndPresence } from "./send-end-presence.ts";

export interface PresenceRelayOptions {
  readonly database: Database;
  readonly send: SendEndPresence;
  readonly hearing: Hearing;
  readonly silentMs: number;
  readonly graceMs: number;
  readonly worldNow: () => number;
  /** `nowhere`: it lives in no hex that is known. */
  readonly onSettled: (outcome: "ended" | "already-offline" | "replaced" | "nowhere") => void;
  readonly onCounted: (counts: { readonly sessions: number; readonly waiting: number }) => void;
  readonly logger: Logger;
  /** Default 1 s. */
  readonly pollMs?: number;
}

export interface PresenceRelay {
  stop(): Promise<void>;
}

/** Messages that wait for their answers at a time: some thousand players a second, and no burden to a world. */
const claimMax = 64;
/** Longer than a send waits for its answer. */
const claimMs = 15_000;
const countEveryMs = 10_000;
/** Then somebody should look for the player. */
const triesToTell = 8;

export function startPresenceRelay(options: PresenceRelayOptions): PresenceRelay {
  const { database, hearing, logger, silentMs, graceMs, pollMs = 1000 } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let countedMs = -Infinity;
  let isFailing = false;

  async function endSilent(): Promise<void> {
    while (!signal.aborted && hearing.forMs >= silentMs) {
      const silent = await endSilentGateway(database, silentMs, graceMs);
      if (silent === undefined) return;
      const { instance, sessions } = silent;
      // One without sessions has been stopped in order, or nobody misses it.
      if (sessions > 0) {
        logger.warn({ gateway: instance, sessions }, "a gateway is silent; its sessions are gone");
      }
    }
  }

  async function serve(presence: DuePresence): Promise<void> {
    const { accountId, tries } = presence;
    const key = placeToLook(presence);
    if (key === undefined) {
      await settlePresence(database, presence);
      options.onSettled("nowhere");
      return;
    }
    const answer = await options.send(presence, key);
    const step = nextStep(answer, tries);
    switch (step.case) {
      case "settled":
        await settlePresence(database, presence);
        options.onSettled(step.outcome);
        logger.debug({ account: accountId, outcome: step.outcome }, "a presence is settled");
        return;
      case "again":
        await postponePresence(database, presence, step.delayMs);
        return;
      case "anew":
        if (step.tries === triesToTell) {
          logger.warn(
            { account: accountId, hex: keyText(key), reason: step.reason },
            "a player that has no session is not found: hexctl player says where it is",
          );
        }
        await renewPresence(database, presence, step);
        return;
      default:
        step satisfies never;
    }
  }

  async function round(): Promise<boolean> {
    await endSilent();
    const due = await claimPresences(database, claimMax, claimMs, options.worldNow());
    const served = await Promise.allSettled(due.map(serve));
    const failed = served.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    if (performance.now() - countedMs >= countEveryMs) {
      countedMs = performance.now();
      options.onCounted(await countPresences(database));
    }
    return due.length === claimMax;
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      let isMore = false;
      try {
        isMore = await round();
        isFailing = false;
      } catch (error) {
        hearing.interrupted();
        const line = "players without a session wait to be taken offline";
        if (isFailing) logger.debug({ err: error }, line);
        else logger.warn({ err: error }, line);
        isFailing = true;
      }
      if (!isMore) await sleep(pollMs, undefined, { signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
