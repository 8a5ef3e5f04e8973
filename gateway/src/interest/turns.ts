/** Lets so many calls run at a time; the others wait, in their order. */
export class Turns {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Runs `call` when it has a place, and is settled as `call` is. A call that is not over after `placeMsMax`
   * (default: never) gives its place to the next one and goes on: what hangs does not keep others waiting.
   */
  async run<T>(call: () => Promise<T>, placeMsMax?: number): Promise<T> {
    if (this.#running >= this.#max) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    let hasPlace = true;
    const leave = (): void => {
      if (!hasPlace) return;
      hasPlace = false;
      // The place goes to the next one in the line.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    };
    const timer = placeMsMax === undefined ? undefined : setTimeout(leave, placeMsMax).unref();
    try {
      return await call();
    } finally {
      clearTimeout(timer);
      leave();
    }
  }
}
