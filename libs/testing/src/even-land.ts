const even = { wood: 1000, stone: 1000, food: 1000, ore: 1000, herb: 1000 };

/** Variables of a world in which every hex holds as much of everything, for tests that count what lies there. */
export const evenLand = {
  HEXHOLD_GAME__OPTIONS__BIOMES: JSON.stringify({
    forest: even,
    hills: even,
    plains: even,
    marsh: even,
    mountain: even,
  }),
} as const;
