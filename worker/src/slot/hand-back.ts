import { setTimeout as pause } from "node:timers/promises";

/** After that a worker that stops gives back at once what it still has: its supervisor waits 15 s, a deployment 30. */
const inOrderMsMaxDefault = 8_000;

/**
 * Gives back one slot after the other: those that wait serve meanwhile, and whoever takes one over has nothing else
 * to do. Resolves `pauseMs` after the last, when that should be served again: a process that starts in this one's
 * place would take the processor from its next owner.
 * @param releases one a slot; none of them rejects.
 */
export async function handBack(
  releases: readonly (() => Promise<void>)[],
  pauseMs: number,
  inOrderMsMax: number = inOrderMsMaxDefault,
): Promise<void> {
  const endMs = performance.now() + inOrderMsMax;
  for (const [i, release] of releases.entries()) {
    if (performance.now() >= endMs) {
      await Promise.all(releases.slice(i).map((late) => late()));
      return;
    }
    await release();
    await pause(pauseMs);
  }
}
