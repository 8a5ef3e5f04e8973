/** The residence kit and owners as a whole game: nothing in it is worth anything to anybody. */
import type { Game } from "@hexhold/actor";
import { contracts as hex } from "@hexhold/gen/hexhold/hex/v1/contracts";
import { contracts as ownership } from "@hexhold/gen/hexhold/ownership/v1/contracts";

export const bareGame = {
  name: "bare",
  version: "1.0.0",
  descriptors: [...hex.files, ...ownership.files],
} as unknown as Game;
