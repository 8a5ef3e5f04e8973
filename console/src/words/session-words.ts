/** How the connection is, and why a session is over. */
import type { EndReason, SessionState } from "@hexhold/client";

export function stateWords(state: SessionState): string {
  switch (state.mode) {
    case "connecting":
      return state.attempt === 0 ? "Connecting" : "Connecting again";
    case "online":
      return "Online";
    case "waiting":
      return `Connection lost, next try in ${Math.max(Math.ceil(state.retryInMs / 1000), 1)} s`;
    case "closed":
      return "Not connected";
    default:
      return state satisfies never;
  }
}

export interface EndWords {
  readonly title: string;
  readonly text: string;
  /** Whether the same account may be let in again from here. */
  readonly mayComeBack: boolean;
}

const loginOver: EndWords = {
  title: "Please log in again",
  text: "Your login is over. This happens after a log-out elsewhere, or when nobody has played for a long time.",
  mayComeBack: false,
};

const ends: Readonly<Record<EndReason, EndWords>> = {
  "newer-session": {
    title: "You are playing somewhere else now",
    text: "You came into the world in another tab or on another device, so this one stepped back. Only one of them can play at a time.",
    mayComeBack: true,
  },
  "not-authenticated": loginOver,
  "bad-token": loginOver,
  "expired-token": loginOver,
  banned: {
    title: "You are banned",
    text: "This account is kept out of this world. Log in to see until when, and why.",
    mayComeBack: false,
  },
  unreachable: {
    title: "The world is out of reach",
    text: "It did not answer for ten minutes. Check your connection, or come back a little later.",
    mayComeBack: true,
  },
  "no-token": {
    title: "The world is out of reach",
    text: "Your login could not be renewed. Check your connection, or come back a little later.",
    mayComeBack: true,
  },
  rejected: {
    title: "This page is out of date",
    text: "The world was updated and this page no longer fits it. Reload it to go on.",
    mayComeBack: false,
  },
  limits: {
    title: "That was too much",
    text: "This page sent more than the world takes. Wait a moment and come back.",
    mayComeBack: true,
  },
  "closed-here": {
    title: "You have left the world",
    text: "You may come back whenever you like.",
    mayComeBack: true,
  },
  lost: lostWords(),
  silent: lostWords(),
  "malformed-frame": lostWords(),
  restarting: lostWords(),
  "try-later": lostWords(),
  "go-elsewhere": lostWords(),
};

function lostWords(): EndWords {
  return {
    title: "The connection is lost",
    text: "The world does not answer just now. Come back a little later.",
    mayComeBack: true,
  };
}

/** A reason that this page does not know is told as a lost connection. */
export function endWords(reason: EndReason): EndWords {
  return ends[reason] ?? lostWords();
}

/** For a guest, whose pass is all that it has. */
export const guestOver: EndWords = {
  title: "Your guest pass has ended",
  text: "Make an account or log in to go on playing, or ask for a new play address.",
  mayComeBack: false,
};

/** Why a hex of the map is not shown, in a word or two. */
export function deniedWords(reason: string): string {
  switch (reason) {
    case "out-of-bounds":
    case "unknown-layer":
      return "world’s edge";
    case "unreadable":
      return "not readable";
    default:
      return "out of sight";
  }
}

export const passEnding = "Your guest pass ends in a minute.";
