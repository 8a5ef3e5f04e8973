/** What an economy came to, for a table, a plot and checks. */

/** Units, from the beginning of the world. */
export interface AssetFigures {
  readonly asset: string;
  readonly minted: number;
  readonly burned: number;
  /** Of players, and free. */
  readonly owned: number;
  /** Of players, in orders and offers. */
  readonly held: number;
  /** Of the newest trade; 0: it has no book, or nobody has traded in it. */
  readonly lastPrice: number;
  readonly trades: number;
  /** Units that were traded. */
  readonly volume: number;
}

export interface EconomyResult {
  /** In the order of their names. */
  readonly assets: readonly AssetFigures[];
  readonly levelsGained: number;
  readonly buildings: number;
  /** Hexes that have taken an owner. */
  readonly owners: number;
  readonly elections: { readonly won: number; readonly failed: number };
  /** Messages that were said, and those of them that somebody else has read. */
  readonly chat: { readonly said: number; readonly read: number };
  /** A row for each second in which all bots played. */
  readonly series: readonly EconomySecond[];
}

export interface EconomySecond {
  /** From 0. */
  readonly second: number;
  /** By book, of the newest trade; absent: there was none. */
  readonly prices: Readonly<Record<string, number>>;
  /** Of all hexes together, since the bots came. */
  readonly levels: number;
}
