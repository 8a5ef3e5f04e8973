/** Names of the players that are seen. */
import { createNames, hexDigits, type Names } from "@hexhold/client";
import { signal } from "@preact/signals";
import { guestName } from "./words/account-words.ts";
import { shownText } from "./words/shown-text.ts";

/** Rises when names have become known: who shows names reads it. */
const learnt = signal(0);
let names: Names | undefined;

/** From now on names are asked for with this token. */
export function beginNames(token: string | (() => Promise<string>)): void {
  names?.close();
  names = createNames({ url: location.origin, token, onNames: () => learnt.value++ });
}

export function endNames(): void {
  names?.close();
  names = undefined;
}

/** Of an account its name, as soon as it is known; until then, and of who has none, what a guest is called. */
export function nameOf(playerId: Uint8Array): string {
  // Read, so that what shows it is shown anew.
  void learnt.value;
  const name = names?.nameOf(playerId);
  return name === undefined ? guestName(hexDigits(playerId)) : shownText(name);
}
