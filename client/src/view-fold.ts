/** How a game's view of a hex is read and carried on from event to event. */

/** An event as an observer gets it. */
export interface SeenEvent {
  /** `evt.<service>.<past>` */
  readonly type: string;
  readonly messageVersion: number;
  readonly payload: Uint8Array;
  readonly tsMs: number;
  readonly hexVersion: number;
  readonly viewSeq: number;
}

/** Pure. A game brings its own; {@link referenceView} is the one of the reference game. */
export interface ViewFold<V> {
  /** Reads a full state. Throws when it is none. */
  decode(bytes: Uint8Array): V;
  /**
   * The view after `event`; never changes `view`. Undefined: what it makes of the view cannot be told here
   * (an event of a newer game), and the full state is asked for. Throws when the payload cannot be read.
   */
  apply(view: V, event: SeenEvent): V | undefined;
  /**
   * Whether a view that was folded and a state of the same place say the same. They may differ in what is
   * computed from time. Undefined: not compared.
   */
  agrees?(folded: V, state: V): boolean;
}
