/** Messages to the player that come and go. */
import { signal } from "@preact/signals";

export interface Note {
  readonly nth: number;
  /** What it tells about: of one thing the last word alone is shown. */
  readonly about: string;
  readonly text: string;
}

const notesMax = 4;
const noteMs = 7000;
let nth = 0;

export const notes = signal<readonly Note[]>([]);

/**
 * Shown for seven seconds. One about the same thing takes the place of the one before it, so that a refusal which counts
 * seconds down is one line, not one for each second.
 */
export function say(text: string, about = text): void {
  const before = notes.value.find((note) => note.about === about);
  if (before?.text === text) return;
  const note = { nth: nth++, about, text };
  const others = notes.value.filter((other) => other !== before);
  notes.value = [...others.slice(1 - notesMax), note];
  setTimeout(() => (notes.value = notes.value.filter((other) => other !== note)), noteMs);
}

export function forgetNotes(): void {
  notes.value = [];
}
