/**
 * Calls `run` when it is wanted, one call at a time, each at least `everyMs` after the end of the one before: what is
 * wanted meanwhile is one more call. `run` never rejects.
 */
export function paced(run: () => Promise<void>, everyMs: number): () => void {
  let isWanted = false;
  let isBusy = false;
  const work = async (): Promise<void> => {
    isBusy = true;
    while (isWanted) {
      isWanted = false;
      await run();
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    isBusy = false;
  };
  return () => {
    isWanted = true;
    if (!isBusy) void work();
  };
}
