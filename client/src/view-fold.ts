/** How a game's view of a hex is read and carried on from event to event. */
import { type DescMessage, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import { view as viewOption } from "@hexhold/gen/hexhold/options/v1/options_pb";

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
  /** Its name on the wire, the message's full name unless its option says another: `hexhold.hex.v1.ReadableView`. */
  readonly type: string;
  /** As in its option `hexhold.options.v1.view`: it rises with every change of the message. */
  readonly version: number;
}

/** Pure. A game's client brings it; {@link readableView} is the one of games that have no view of their own. */
export interface ViewFold<V> {
  /**
   * The views that it was written for. It reads later versions of them as well, since changes under one name are
   * compatible; an earlier version lacks fields that the fold relies on.
   */
  readonly reads: readonly ViewContract[];
  /**
   * Reads a full state. Throws when it is none.
   * @param type The view's name on the wire; empty: the gateway does not name it.
   */
  decode(bytes: Uint8Array, type: string): V;
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

/** Reads the option `hexhold.options.v1.view`. Throws a TypeError when `schema` is no view. */
export function viewContractOf(schema: DescMessage): ViewContract {
  if (!hasOption(schema, viewOption)) {
    throw new TypeError(`${schema.typeName} is no view: it has no option hexhold.options.v1.view`);
  }
  const { type, version } = getOption(schema, viewOption);
  return { type: type || schema.typeName, version };
}

/**
 * A fold for clients that can show several games: each view is that of the fold that reads its type. Views must be
 * named: of a gateway that does not name them none is read. Throws a TypeError when two folds read one type.
 */
export function oneOf<V extends readonly Message[]>(
  ...folds: { readonly [I in keyof V]: ViewFold<V[I]> }
): ViewFold<V[number]> {
  // Each is given only the views that it has made.
  const given = folds as readonly ViewFold<V[number]>[];
  const byType = new Map<string, ViewFold<V[number]>>();
  for (const fold of given) {
    for (const { type } of fold.reads) {
      if (byType.has(type)) throw new TypeError(`two folds read ${type}`);
      byType.set(type, fold);
    }
  }
  /** By the messages that each has made. */
  const byMessage = new Map<string, ViewFold<V[number]>>();
  const foldOf = (type: string): ViewFold<V[number]> => {
    const fold = byType.get(type);
    if (fold !== undefined) return fold;
    throw new TypeError(
      type === "" ? "the type of the view is not known" : `no fold reads ${type}`,
    );
  };
  return {
    reads: given.flatMap(({ reads }) => reads),
    decode(bytes, type) {
      const fold = foldOf(type);
      const view = fold.decode(bytes, type);
      byMessage.set(view.$typeName, fold);
      return view;
    },
    apply: (view, event) => byMessage.get(view.$typeName)?.apply(view, event),
    agrees: (folded, state) =>
      folded.$typeName === state.$typeName &&
      byMessage.get(state.$typeName)?.agrees?.(folded, state) !== false,
  };
}

/**
 * A hex's view cannot be shown.
 * - `VIEW_MISMATCH`: it is not one that the fold reads: another message, or an earlier version. It is not asked
 *   for again on this connection.
 * - `VIEW_UNREADABLE`: it has the right name, or none, and the fold cannot read its bytes. It is asked for again.
 */
export class ViewError extends Error {
  readonly code: "VIEW_MISMATCH" | "VIEW_UNREADABLE";
  /** What came; undefined from a gateway that does not name it. */
  readonly came: ViewContract | undefined;
  readonly expected: readonly ViewContract[];
  constructor(
    code: ViewError["code"],
    came: ViewContract | undefined,
    expected: readonly ViewContract[],
    cause?: unknown,
  ) {
    super(messageOf(code, came, expected), { cause });
    this.name = "ViewError";
    this.code = code;
    this.came = came;
    this.expected = expected;
  }
}

/** The error of a view that is none of those that `reads` names; undefined when it may be read. Pure. */
export function mismatchOf(
  came: ViewContract,
  reads: readonly ViewContract[],
): ViewError | undefined {
  const isUnnamed = came.type === "";
  const isRead = reads.some(({ type, version }) => came.type === type && came.version >= version);
  return isUnnamed || isRead ? undefined : new ViewError("VIEW_MISMATCH", came, reads);
}

function messageOf(
  code: ViewError["code"],
  came: ViewContract | undefined,
  expected: readonly ViewContract[],
): string {
  const named = came === undefined ? "a view without a name" : `a view ${textOf(came)}`;
  const read = expected.map(textOf).join(" or ");
  const both = `the gateway sent ${named}, and the fold in use reads ${read}`;
  if (code === "VIEW_UNREADABLE") {
    return `${both}: its bytes cannot be read. Compare the fold (option \`view\`) with the game of this world`;
  }
  return expected.some(({ type }) => type === came?.type)
    ? `${both} and later: update the server, or use a fold of its version`
    : `${both}: give createClient the fold of this world's game in the option \`view\``;
}

function textOf({ type, version }: ViewContract): string {
  return `${type} version ${version}`;
}
