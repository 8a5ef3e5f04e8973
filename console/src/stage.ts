/**
 * Who plays on this page, and what the page shows. Described by {@link Stage}; changed here alone:
 * - `restoring`: at the start, when the tab has a login from before a reload.
 * - `form`: nobody plays; log in, make an account, or open a guest's address.
 * - `playing`: a client comes in, is in, or tries again by itself.
 * - `ended`: the session is over for a reason that the client does not come back from by itself. A newer session of
 *   the account is one: who wants to play here again says so, and the page never does by itself, so that two tabs
 *   do not push each other out for ever.
 * - `leaving`: after "log out", until the world has heard of it.
 */
import { type Account, AccountError, type EndReason } from "@hexhold/client";
import { signal } from "@preact/signals";
import { restore } from "./account.ts";
import { type Connection, connectWorld } from "./connection.ts";
import { forgetGuest, forgetLogin, hasLogin, takeGuestToken } from "./kept-login.ts";
import { forgetNotes } from "./notes.ts";
import { beginNames, endNames } from "./player-names.ts";
import { accountWords, loggedOut, loggedOutHereOnly } from "./words/account-words.ts";
import { endWords, type EndWords, guestOver } from "./words/session-words.ts";
import { forgetWorld } from "./world.ts";

/** Who plays: a guest by a token that it was given, or an account by its login. */
export type Player =
  | { readonly kind: "guest"; readonly token: string }
  | { readonly kind: "account"; readonly account: Account };

export type Stage =
  | { readonly mode: "restoring" }
  | { readonly mode: "form"; readonly why: string | undefined }
  | { readonly mode: "playing"; readonly player: Player }
  | { readonly mode: "ended"; readonly player: Player; readonly end: EndWords }
  | { readonly mode: "leaving" };

export const stage = signal<Stage>({ mode: "form", why: undefined });

let connection: Connection | undefined;

/** What the tab was doing before it was loaded. A guest's address wins: it was opened just now. */
export function beginStage(): void {
  const guest = takeGuestToken();
  if (guest !== undefined) play({ kind: "guest", token: guest });
  else if (hasLogin()) {
    stage.value = { mode: "restoring" };
    void restore().then((restored) => {
      if (restored !== undefined && "account" in restored) {
        play({ kind: "account", account: restored.account });
      } else stage.value = { mode: "form", why: restored?.why };
    });
  }
  addEventListener("pagehide", () => void connection?.leave());
  // A page that comes back from the browser's cache has said goodbye.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}

/** Comes into the world; whoever else plays this account steps back. */
export function play(player: Player): void {
  connection?.close();
  forgetNotes();
  const token = player.kind === "guest" ? player.token : freshToken(player.account);
  stage.value = { mode: "playing", player };
  beginNames(token);
  connection = connectWorld({ token, onEnd: (reason) => ended(player, reason) });
}

/** Leaves the world, ends the login and forgets what the browser kept of it. Never rejects. */
export async function logOut(): Promise<void> {
  const before = stage.value;
  if (before.mode !== "playing" && before.mode !== "ended") return;
  stage.value = { mode: "leaving" };
  // The login goes last: the goodbye needs its session.
  await connection?.leave();
  forgetAll();
  let why = loggedOut;
  if (before.player.kind === "account") {
    await before.player.account.logout().catch(() => (why = loggedOutHereOnly));
    // A refresh that was under way has kept another.
    forgetLogin();
  }
  stage.value = { mode: "form", why };
}

/** To the form, from where the session has ended. */
export function toForm(): void {
  forgetAll();
  stage.value = { mode: "form", why: undefined };
}

function ended(player: Player, reason: EndReason): void {
  const words = endWords(reason);
  const isOver = !words.mayComeBack;
  if (isOver) forgetKept();
  endNames();
  const isPassOver =
    isOver && player.kind === "guest" && reason !== "banned" && reason !== "rejected";
  stage.value = { mode: "ended", player, end: isPassOver ? guestOver : words };
}

/** A login that has ended is not asked for again and again. */
function freshToken(account: Account): () => Promise<string> {
  return async () => {
    try {
      return await account.token();
    } catch (error) {
      const isOver = error instanceof AccountError && error.retryAfterMs === 0;
      if (isOver && isPlaying(account)) {
        connection?.close();
        forgetAll();
        stage.value = { mode: "form", why: accountWords(error, Date.now()) };
      }
      throw error;
    }
  };
}

/** Somebody else may play by the time that an answer comes. */
function isPlaying(account: Account): boolean {
  const { value } = stage;
  return (
    value.mode === "playing" && value.player.kind === "account" && value.player.account === account
  );
}

function forgetAll(): void {
  connection = undefined;
  endNames();
  forgetKept();
  forgetWorld();
  forgetNotes();
}

function forgetKept(): void {
  forgetLogin();
  forgetGuest();
}
