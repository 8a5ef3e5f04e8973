/** What an event is worth to a player's reputation in a hex. */
export interface Contribution {
  /** 16 bytes. */
  readonly accountId: Uint8Array;
  /** Points, above 0. */
  readonly value: bigint;
  /** World time of the event, Unix milliseconds. */
  readonly atMs: bigint;
}
