/** Faults that nobody caught, handed to the host that runs in this process, if there is one. */

let listener: ((fault: unknown) => void) | undefined;

/** From now on `heard` is told of them. Returns what ends that. */
export function onFault(heard: (fault: unknown) => void): () => void {
  listener = heard;
  return () => {
    if (listener === heard) listener = undefined;
  };
}

/** Whether somebody sees to it. */
export function tellFault(fault: unknown): boolean {
  listener?.(fault);
  return listener !== undefined;
}
