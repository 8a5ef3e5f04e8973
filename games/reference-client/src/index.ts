export { createReferencePlayer, type ReferencePlayer } from "./reference-player.ts";
export { referenceView, stockAt } from "./reference-view.ts";
