/** Polls until `url` answers 200. Rejects with `explain()` when it does not within `msMax`. */
export async function waitForHttp(
  url: string,
  msMax: number,
  explain: () => string,
): Promise<void> {
  const endMs = performance.now() + msMax;
  while (performance.now() < endMs) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
      await response.body?.cancel();
      if (response.ok) return;
    } catch {
      // Not there yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${explain()} (waited ${msMax / 1000} s for ${url})`);
}
