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

/** What a view is: a message of a game, at a version. */
export interface ViewContract {
  /** Full name of the message: `hexhold.hex.v1.HexView`. */
  readonly type: string;
  /** Version of the command by which a hex is read: it rises with every change of the message. */
  readonly version: number;
}

/** Pure. A game brings its own; {@link referenceView} is the one of the reference game. */
export interface ViewFold<V> {
  /**
   * The view that it was written for. It reads later versions as well, since changes under one name are compatible;
   * an earlier version lacks fields that the fold relies on.
   */
  readonly reads: ViewContract;
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

/**
 * A hex's view cannot be shown.
 * - `VIEW_MISMATCH`: it is not the one that the fold reads: another message, or an earlier version. It is not asked
 *   for again on this connection.
 * - `VIEW_UNREADABLE`: it has the right name, or none, and the fold cannot read its bytes. It is asked for again.
 */
export class ViewError extends Error {
  readonly code: "VIEW_MISMATCH" | "VIEW_UNREADABLE";
  /** What came; undefined from a gateway that does not name it. */
  readonly came: ViewContract | undefined;
  readonly expected: ViewContract;
  constructor(
    code: ViewError["code"],
    came: ViewContract | undefined,
    expected: ViewContract,
    cause?: unknown,
  ) {
    super(messageOf(code, came, expected), { cause });
    this.name = "ViewError";
    this.code = code;
    this.came = came;
    this.expected = expected;
  }
}

/** The error of a view that is not the one that `reads` names; undefined when it may be read. Pure. */
export function mismatchOf(came: ViewContract, reads: ViewContract): ViewError | undefined {
  const isUnnamed = came.type === "";
  const isRead = came.type === reads.type && came.version >= reads.version;
  return isUnnamed || isRead ? undefined : new ViewError("VIEW_MISMATCH", came, reads);
}

function messageOf(
  code: ViewError["code"],
  came: ViewContract | undefined,
  expected: ViewContract,
): string {
  const named = came === undefined ? "a view without a name" : `a view ${textOf(came)}`;
  const both = `the gateway sent ${named}, and the fold in use reads ${textOf(expected)}`;
  if (code === "VIEW_UNREADABLE") {
    return `${both}: its bytes cannot be read. Compare the fold (option \`view\`) with the game of this world`;
  }
  return came?.type === expected.type
    ? `${both} and later: update the server, or use a fold of its version`
    : `${both}: give createClient the fold of this world's game in the option \`view\``;
}

function textOf({ type, version }: ViewContract): string {
  return `${type} version ${version}`;
}
