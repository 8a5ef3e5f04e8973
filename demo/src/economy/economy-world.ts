/** A world for an economy that is watched for some minutes: small, and nothing in it takes longer than that. */
import { diskOf, hexAt, hexText } from "@hexhold/hex";

/** Bots are born in these seven hexes, so that they meet: an election needs two who have given to one hex. */
const birthplaces = diskOf(hexAt(52.52, 13.405), 1).map(hexText);

/** A dwelling for a handful of bots: its goods are there within a minute, and it stands soon after. */
const dwelling = { levelMin: 1, buildMs: 15_000, needs: { wood: 40, food: 30 } };

/** Settings of the world; all other figures of the game are its defaults. */
export const economyEnv: Readonly<Record<string, string>> = {
  HEXHOLD_WORLD__SPAWN__CELLS: JSON.stringify(birthplaces),
  HEXHOLD_GAME__OPTIONS__SITES: JSON.stringify({ dwelling }),
};
