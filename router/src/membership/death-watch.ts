import { setTimeout as sleep } from "node:timers/promises";
import type { Member } from "./members.ts";
import type { ProbedProcess } from "./probe.ts";

/** Between two looks at a process whose last stream has broken; its port may close a moment later. */
const lookAgainMs = [0, 20, 50, 100, 200, 400, 800, 1_600, 3_200] as const;

export interface DeathWatch {
  /** Its last stream has broken: looks at its port until it is dead or back. One watch a process. */
  suspect(member: Member): void;
  stop(): void;
}

/**
 * Finds out that a process is dead without waiting for its leases to end.
 * @param onDeath called once, when the port refused or another process answered on it.
 */
export function createDeathWatch(
  probe: (target: ProbedProcess) => Promise<"dead" | "alive" | "unknown">,
  onDeath: (member: Member) => void,
): DeathWatch {
  const stopping = new AbortController();
  const watched = new Set<Member>();

  async function watch(member: Member): Promise<void> {
    for (const ms of lookAgainMs) {
      await sleep(ms, undefined, { signal: stopping.signal, ref: false });
      if (member.openStreams > 0) return;
      const verdict = await probe(member);
      if (stopping.signal.aborted || member.openStreams > 0) return;
      if (verdict === "dead") return onDeath(member);
    }
  }

  return {
    suspect(member) {
      if (watched.has(member) || stopping.signal.aborted) return;
      watched.add(member);
      watch(member)
        // Aborted by `stop`.
        .catch(() => undefined)
        .finally(() => watched.delete(member));
    },
    stop: () => stopping.abort(),
  };
}
