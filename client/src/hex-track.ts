/**
 * What an observer knows of one hex, and the step by which it learns more. Pure.
 *
 * Modes:
 * - `waiting`: nothing that may be built on; events are passed over until a full state comes. Entered at the
 *   start, when the connection is lost, and when a gap is noticed. The last view may still be shown.
 * - `live`: the view is that of the place (activation_id, view_seq); the next event must carry the next number
 *   of the same activation.
 * - `behind`: the events are whole up to their place, the view is not: one came whose effect the fold cannot tell.
 *   Entered from `live` alone.
 * A state makes every mode `live`. Another activation that is newer, or a hole, makes the others `waiting`.
 */
import { compareBytes } from "./bytes.ts";
import type { SeenEvent } from "./view-fold.ts";
import { unfolded, type ViewReader } from "./view-reader.ts";

/** What a step needs of a reader. */
export type StepReader<V> = Pick<ViewReader<V, unknown>, "decode" | "apply" | "agrees">;

export type HexTrack<V> =
  | { readonly mode: "waiting"; readonly last: Seen<V> | undefined }
  | { readonly mode: "live"; readonly activationId: Uint8Array; readonly seen: Seen<V> }
  | {
      readonly mode: "behind";
      readonly activationId: Uint8Array;
      readonly at: Place;
      readonly last: Seen<V>;
    };

/** How far the events have come. */
type Place = Pick<Seen<unknown>, "viewSeq" | "hexVersion">;

export interface Seen<V> {
  readonly view: V;
  readonly viewSeq: number;
  readonly hexVersion: number;
}

export interface TrackedState {
  readonly activationId: Uint8Array;
  readonly viewSeq: number;
  readonly hexVersion: number;
  readonly view: Uint8Array;
  /** Full name of its message; empty: not named. */
  readonly viewType: string;
}

export interface TrackedEvent extends SeenEvent {
  readonly activationId: Uint8Array;
}

/**
 * What a step found:
 * - `state`, `event`: the view has changed. `disagreed`: the state of our very place says other than the fold:
 *   a gap that the numbers did not show.
 * - `repeated`: known already, or of an activation that is over.
 * - `skipped`: nothing to build it on; a state is under way.
 * - `gap`: something is missing; ask for the state.
 * - `unfolded`: nothing is missing, but the fold cannot tell what this event makes of the view; ask as well.
 */
export type Finding =
  | { readonly kind: "state"; readonly disagreed: boolean }
  | { readonly kind: "event" }
  | { readonly kind: "repeated" }
  | { readonly kind: "skipped" }
  | { readonly kind: "gap"; readonly cause: GapCause }
  | { readonly kind: "unfolded" };

/** `version-back`: the numbers were whole, the hex version was not: only a fault of the server does that. */
export type GapCause = "hole" | "activation" | "version-back";

export interface Step<V> {
  readonly track: HexTrack<V>;
  readonly finding: Finding;
}

export const unseen: HexTrack<never> = { mode: "waiting", last: undefined };

/** The view is not carried on any more: the connection is gone, or a state was asked for. */
export function suspended<V>(track: HexTrack<V>): HexTrack<V> {
  return { mode: "waiting", last: lastSeen(track) };
}

/** The last view, current or not. */
export function lastSeen<V>(track: HexTrack<V>): Seen<V> | undefined {
  return track.mode === "live" ? track.seen : track.last;
}

/** Takes a full state. Throws when its bytes are none. */
export function withState<V>(
  track: HexTrack<V>,
  state: TrackedState,
  reader: StepReader<V>,
): Step<V> {
  const { activationId, viewSeq, hexVersion } = state;
  const view = reader.decode(state.view, state.viewType);
  const isSamePlace =
    track.mode === "live" &&
    track.seen.viewSeq === viewSeq &&
    compareBytes(track.activationId, activationId) === 0;
  const disagreed =
    isSamePlace && (track.seen.hexVersion !== hexVersion || !reader.agrees(track.seen.view, view));
  return {
    track: { mode: "live", activationId, seen: { view, viewSeq, hexVersion } },
    finding: { kind: "state", disagreed },
  };
}

/** Takes an event. Throws when its payload cannot be read. */
export function withEvent<V>(
  track: HexTrack<V>,
  event: TrackedEvent,
  reader: StepReader<V>,
): Step<V> {
  if (track.mode === "waiting") return { track, finding: { kind: "skipped" } };
  const { activationId } = track;
  const at: Place = track.mode === "live" ? track.seen : track.at;
  const order = compareBytes(event.activationId, activationId);
  // Activation ids rise with time: a lower one is of an owner that is gone.
  if (order < 0 || (order === 0 && event.viewSeq <= at.viewSeq)) {
    return { track, finding: { kind: "repeated" } };
  }
  if (order > 0) return gap(track, "activation");
  if (event.viewSeq !== at.viewSeq + 1) return gap(track, "hole");
  if (event.hexVersion < at.hexVersion) return gap(track, "version-back");
  const { viewSeq, hexVersion } = event;
  const view = track.mode === "live" ? reader.apply(track.seen.view, event) : unfolded;
  if (view === unfolded) {
    const last = track.mode === "live" ? track.seen : track.last;
    const behind = { mode: "behind", activationId, at: { viewSeq, hexVersion }, last } as const;
    return { track: behind, finding: { kind: "unfolded" } };
  }
  const seen = { view, viewSeq, hexVersion };
  return { track: { mode: "live", activationId, seen }, finding: { kind: "event" } };
}

function gap<V>(track: HexTrack<V>, cause: GapCause): Step<V> {
  return { track: suspended(track), finding: { kind: "gap", cause } };
}
