/** What the page says of a world whose game it cannot show, or not as its makers would. */

/** The game has no view of its own: its hexes are documents. */
export const withoutView =
  "The game of this world has no view of its own. The map shows its hexes, and you can walk from one to the next. What the game says of a hex is listed here as it is.";
/** The world's views are those of another game: nothing of it can be shown. */
export const otherGame =
  "This page cannot show what is in this world: it was made for another game, or for another version of this one. You are in the world all the same, and can walk from hex to hex.";
export const documentCut = "There is more, which does not fit here.";
export const documentUnreadable = "What the game says of this hex cannot be read.";

/** What a click does; `hasPlaces`: the game has places inside a hex. */
export function walkHint(isTouch: boolean, hasPlaces: boolean): string {
  const act = isTouch ? "Tap" : "Click";
  return hasPlaces
    ? `${act} to walk, in your hex or to the next`
    : `${act} a hex next to yours to walk there`;
}

/** For who does not see the map. */
export function mapLabel(hasPlaces: boolean): string {
  const inside = hasPlaces ? "Arrow keys walk inside your hex; the" : "The";
  return `Map of the hexes around you. ${inside} letters on its sides, or the buttons of the panel, walk to the hex next to it.`;
}
