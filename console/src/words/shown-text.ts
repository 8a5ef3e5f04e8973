/** Text that other players wrote, as it may stand beside the page's own. Pure. */

/**
 * Marks and overrides of direction. An isolate (`bdi`) does not hold them: one that is opened inside and not closed takes
 * the isolate's own end for its own, and turns what follows.
 */
const directions = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The same text with each sign that turns its direction shown as a sign that is not known. */
export function shownText(text: string): string {
  return text.replaceAll(directions, "\ufffd");
}
