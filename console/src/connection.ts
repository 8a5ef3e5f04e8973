/** The page's connection to the world: comes in, comes in again after each loss, and leaves. */
import {
  createClient,
  type EndReason,
  oneOf,
  readableView,
  type SessionState,
} from "@hexhold/client";
import {
  createReferencePlayer,
  type ReferencePlayer,
  referenceView,
} from "@hexhold/reference-client";
import { signal } from "@preact/signals";
import { noteFrame } from "./frame-log.ts";
import type { WorldView } from "./hex-index.ts";
import { say } from "./notes.ts";
import { forgetWorld, isPresent, nowMs, openWorld, tell, transit, world } from "./world.ts";
import { passEnding } from "./words/session-words.ts";

export const session = signal<SessionState>({ mode: "connecting", attempt: 0 });
/** Milliseconds; undefined while not connected. */
export const roundTripMs = signal<number | undefined>(undefined);
export const gaps = signal({ noticed: 0, unnoticed: 0 });

export interface Connection {
  /** Says goodbye, so that nobody sees the player any more, waits at most two seconds for it, and closes. */
  leave(): Promise<void>;
  /** Closes at once. Idempotent. */
  close(): void;
}

export interface ConnectOptions {
  readonly token: string | (() => Promise<string>);
  /** It is over for good, and not by `leave` or `close`. */
  readonly onEnd: (reason: EndReason) => void;
}

const leaveMsMax = 2000;
/** Between two tries to come in. */
const againMs = 3000;
const tickMs = 250;

export function connectWorld({ token, onEnd }: ConnectOptions): Connection {
  forgetWorld();
  const { protocol, host } = location;
  let player: ReferencePlayer<WorldView> | undefined;
  let arrivals = 0;
  const client = createClient({
    url: `${protocol === "https:" ? "wss" : "ws"}://${host}/`,
    token,
    sdk: "hexhold-console/0.1.0",
    view: oneOf(referenceView, readableView),
    onFrame: noteFrame,
    onState(state) {
      session.value = state;
      if (state.mode === "online") void comeIn();
      else isPresent.value = false;
      if (state.mode !== "closed") return;
      clearInterval(timer);
      if (state.reason !== "closed-here") onEnd(state.reason);
    },
    onNotice(kind) {
      if (kind === "token-expiring" && typeof token === "string") say(passEnding);
    },
    onFault: (error) => reportError(error),
  });
  const timer = setInterval(() => {
    nowMs.value = client.serverNow();
    roundTripMs.value = client.roundTripMs;
    const { gapsNoticed: noticed, gapsUnnoticed: unnoticed } = client.stats;
    if (noticed !== gaps.value.noticed || unnoticed !== gaps.value.unnoticed) {
      gaps.value = { noticed, unnoticed };
    }
  }, tickMs);

  /** Into the hex of residence, wherever that is now; once per connection, and again when it is not certain. */
  async function comeIn(): Promise<void> {
    const nth = ++arrivals;
    const { welcome } = client;
    if (welcome?.residence === undefined) {
      say("Your place in the world is not ready yet. Reload the page in a moment.");
      return;
    }
    player ??= createReferencePlayer(client);
    world.value ??= openWorld(client, player, welcome.accountId, comeIn);
    for (;;) {
      const outcome = await player.enter();
      if (nth !== arrivals || client.state.mode !== "online") return;
      world.value.livesIn(player.key);
      // A session before this one may have left the player in the world.
      const isIn = outcome.outcome === "refused" && outcome.reason === "already-online";
      isPresent.value = isIn || outcome.outcome === "applied";
      if (isPresent.value) return;
      tell({ type: "cmd.hex.enter", doing: "Coming into the world" }, outcome);
      if (outcome.outcome === "refused") return;
      await pause(againMs);
      if (nth !== arrivals) return;
    }
  }

  return {
    async leave() {
      arrivals++;
      isPresent.value = false;
      if (client.state.mode === "online" && player !== undefined) {
        const left = player.leave({ ordered: false, timeoutMs: leaveMsMax });
        await Promise.race([left, pause(leaveMsMax)]);
      }
      transit.value = undefined;
      client.close();
    },
    close() {
      arrivals++;
      client.close();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
