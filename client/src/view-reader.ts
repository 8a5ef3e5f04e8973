/** Views as the SDK itself handles them: with a game's fold, or without any. */
import {
  mismatchOf,
  type SeenEvent,
  type ViewContract,
  ViewError,
  type ViewFold,
} from "./view-fold.ts";

/** The fold cannot tell what an event makes of a view. */
export const unfolded = Symbol("unfolded");

/** `V`: what listeners are given as the view; `Observed`: what {@link Client.observe} is answered with. */
export interface ViewReader<V, Observed> {
  /** The error of a view that is not read here; undefined when it may be. */
  mismatch(came: ViewContract): ViewError | undefined;
  /** The error of a view that `decode` has thrown at. */
  unreadable(came: ViewContract, cause: unknown): ViewError;
  /** Throws when it cannot. */
  decode(bytes: Uint8Array, type: string): V;
  /** Throws when the payload cannot be read. */
  apply(view: V, event: SeenEvent): V | typeof unfolded;
  agrees(folded: V, state: V): boolean;
  /** Throws when it cannot. */
  observed(bytes: Uint8Array, type: string): Observed;
}

export function foldReader<V>(fold: ViewFold<V>): ViewReader<V, V> {
  const { reads } = fold;
  const decode = (bytes: Uint8Array, type: string): V => fold.decode(bytes, type);
  return {
    mismatch: (came) => mismatchOf(came, reads),
    unreadable: (came, cause) =>
      new ViewError("VIEW_UNREADABLE", came.type === "" ? undefined : came, reads, cause),
    decode,
    apply(view, event) {
      const next = fold.apply(view, event);
      return next === undefined ? unfolded : next;
    },
    agrees: (folded, state) => fold.agrees?.(folded, state) !== false,
    observed: decode,
  };
}

/** No view: events follow each other, whatever they are. */
export const withoutFold: ViewReader<undefined, Uint8Array> = {
  mismatch: () => undefined,
  unreadable: (came, cause) => new ViewError("VIEW_UNREADABLE", came, [], cause),
  decode: () => undefined,
  apply: () => undefined,
  agrees: () => true,
  observed: (bytes) => bytes,
};
