/** What a client counts of itself; for tests, for bots, for a panel. */
export interface ClientStats {
  /** Connections that got a welcome, the first one included. */
  welcomes: number;
  framesSent: number;
  framesReceived: number;
  /** Frames and payloads that could not be read. */
  malformed: number;
  /** Sends of a command beyond its first. */
  repetitions: number;
  /** VOLATILE commands that a newer one replaced before they were sent. */
  coalesced: number;
  states: number;
  events: number;
  /** Events that were known already. */
  repeatedEvents: number;
  /** Holes and new activations, each healed by a full state. */
  gapsNoticed: number;
  /**
   * Views that the numbers said were whole and that were not: a full state of the same place disagreed, or a hex
   * version went back. Must stay 0.
   */
  gapsUnnoticed: number;
}

export function newStats(): ClientStats {
  return {
    welcomes: 0,
    framesSent: 0,
    framesReceived: 0,
    malformed: 0,
    repetitions: 0,
    coalesced: 0,
    states: 0,
    events: 0,
    repeatedEvents: 0,
    gapsNoticed: 0,
    gapsUnnoticed: 0,
  };
}
