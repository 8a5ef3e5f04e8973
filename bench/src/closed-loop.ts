import { type LoadResult, resultOf } from "./load.ts";

/** Does `once` again and again, `outstanding` at a time; what ended after the warm-up counts. Rejects as `once` does. */
export async function closedLoop(
  outstanding: number,
  warmUpMs: number,
  measuredMs: number,
  once: (n: number) => Promise<void>,
): Promise<LoadResult> {
  const latencies: number[] = [];
  const startMs = performance.now() + warmUpMs;
  const endMs = startMs + measuredMs;
  let next = 0;
  await Promise.all(
    Array.from({ length: outstanding }, async () => {
      while (performance.now() < endMs) {
        const sentMs = performance.now();
        await once(next++);
        const doneMs = performance.now();
        if (doneMs >= startMs && doneMs < endMs) latencies.push(doneMs - sentMs);
      }
    }),
  );
  return resultOf(outstanding, measuredMs / 1000, latencies, 0);
}
