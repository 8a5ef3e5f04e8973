import type { Welcome } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import type { Key } from "@hexhold/hex";
import { assumedLimits } from "./limits.ts";

/** What the server says at the beginning of a session. */
export interface ClientWelcome {
  readonly sessionId: Uint8Array;
  readonly accountId: Uint8Array;
  /** Hex where the player was last known to live. */
  readonly residence: Key | undefined;
  readonly limits: {
    readonly frameBytesMax: number;
    readonly commandsInFlightMax: number;
    readonly subscriptionsMax: number;
    readonly commandsPerS: number;
    readonly commandsBurst: number;
  };
}

/** Reads it off the wire; a limit that is 0 was not named. */
export function welcomeOf({ sessionId, accountId, residence, limits }: Welcome): ClientWelcome {
  return {
    sessionId,
    accountId,
    residence:
      residence === undefined ? undefined : { hexId: residence.hexId, layerId: residence.layerId },
    limits: {
      frameBytesMax: limits?.frameBytesMax || assumedLimits.frameBytesMax,
      commandsInFlightMax: limits?.commandsInFlightMax || assumedLimits.commandsInFlightMax,
      subscriptionsMax: limits?.subscriptionsMax || assumedLimits.subscriptionsMax,
      commandsPerS: limits?.commandsPerS ?? 0,
      commandsBurst: limits?.commandsBurst ?? 0,
    },
  };
}
