export { createReferencePlayer, type ReferencePlayer } from "./reference-player.ts";
export { ownerAt, roomAt, taxRateAt } from "./land-view.ts";
export { capacityOf, referenceView, stockAt } from "./reference-view.ts";
