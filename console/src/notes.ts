/** Messages to the player that come and go. */
import { signal } from "@preact/signals";

export interface Note {
  readonly nth: number;
  readonly text: string;
}

const notesMax = 4;
const noteMs = 7000;
let nth = 0;

export const notes = signal<readonly Note[]>([]);

/** Shown for seven seconds; one that is shown already is not shown twice. */
export function say(text: string): void {
  if (notes.value.some((note) => note.text === text)) return;
  const note = { nth: nth++, text };
  notes.value = [...notes.value.slice(1 - notesMax), note];
  setTimeout(() => (notes.value = notes.value.filter((other) => other !== note)), noteMs);
}

export function forgetNotes(): void {
  notes.value = [];
}
