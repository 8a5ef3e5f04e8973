/** Items pushed by one side, read by another in their order; for the server streams. */
export interface PushStream<Item> {
  /** False when it is closed, or full: then it is closed with `overflow`, as an item must not be lost. */
  push(item: Item): boolean;
  /** Ends `items` after what was pushed before, with `error` if there is one. */
  close(error?: Error): void;
  /** To be read once. */
  readonly items: AsyncIterable<Item>;
}

/** @param lengthMax items that wait for a slow reader. */
export function createPushStream<Item>(lengthMax: number, overflow: () => Error): PushStream<Item> {
  const waiting: Item[] = [];
  let closed: { readonly error: Error | undefined } | undefined;
  let wake: () => void = () => undefined;

  function close(error?: Error): void {
    closed ??= { error };
    wake();
  }

  async function* read(): AsyncGenerator<Item, void, undefined> {
    for (;;) {
      const item = waiting.shift();
      if (item !== undefined) {
        yield item;
      } else if (closed === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
      } else {
        if (closed.error !== undefined) throw closed.error;
        return;
      }
    }
  }

  return {
    push(item) {
      if (closed !== undefined) return false;
      if (waiting.length >= lengthMax) {
        waiting.length = 0;
        close(overflow());
        return false;
      }
      waiting.push(item);
      wake();
      return true;
    },
    close,
    items: read(),
  };
}
