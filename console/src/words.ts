/** What the page says of states, refusals and errors, in plain words. */
import type { AnyOutcome, SessionState } from "@hexhold/client";
import { Resource } from "@hexhold/gen/hexhold/hex/v1/state_pb";

export const resources = [Resource.WOOD, Resource.STONE, Resource.FOOD] as const;

export const resourceNames: Readonly<Record<number, string>> = {
  [Resource.WOOD]: "wood",
  [Resource.STONE]: "stone",
  [Resource.FOOD]: "food",
};

/** Colours are the same on the map and in the panel. */
export const resourceColours: Readonly<Record<number, string>> = {
  [Resource.WOOD]: "#6fbf73",
  [Resource.STONE]: "#93a4ba",
  [Resource.FOOD]: "#e8a15c",
};

export function stateWords(state: SessionState): string {
  switch (state.mode) {
    case "connecting":
      return state.attempt === 0 ? "Connecting" : `Connecting again (${state.attempt})`;
    case "online":
      return "Online";
    case "waiting":
      return `Connection lost: trying again in ${(state.retryInMs / 1000).toFixed(1)} s`;
    case "closed":
      return "Disconnected";
    default:
      return state satisfies never;
  }
}

/** Why a session is over, and what can be done. */
export function endWords(reason: string): string {
  switch (reason) {
    case "newer-session":
      return "You play in another window now. This one has been put to rest.";
    case "expired-token":
      return "Your access token has expired. Ask for a new one, or start the world again, and open the address it prints.";
    case "bad-token":
    case "not-authenticated":
      return "This world does not know your access token; it may belong to an earlier start. Open the address that npm start has printed now.";
    case "banned":
      return "This account is banned from this world.";
    case "unreachable":
      return "The world could not be reached for ten minutes. Reload the page when it is back.";
    default:
      return `The session is over (${reason}). Reload the page to join again.`;
  }
}

/** A refusal or an error of a command as a sentence; undefined when there is nothing to say. */
export function outcomeWords(what: string, outcome: AnyOutcome): string | undefined {
  if (outcome.outcome === "applied") return undefined;
  if (outcome.outcome === "refused") {
    const known = refusals[outcome.reason];
    const again =
      outcome.retryAfterMs > 0 ? ` Enough in ${Math.ceil(outcome.retryAfterMs / 1000)} s.` : "";
    return `${known?.(what) ?? `${what} was refused: ${outcome.reason}.`}${again}`;
  }
  return outcome.errorCode === "UNKNOWN_OUTCOME"
    ? `${what}: no answer came. It may or may not have happened.`
    : `${what} was not done: ${outcome.message || outcome.reason}.`;
}

const refusals: Readonly<Record<string, (what: string) => string>> = {
  depleted: (what) => `${what}: there is not enough left here.`,
  "not-resident": () => "You do not live in this hex any more.",
  offline: () => "You are offline in this hex: join first.",
  "already-online": () => "You are here already.",
  "already-offline": () => "You have left already.",
  "outside-hex": () => "That place is outside your hex.",
  "out-of-order": () => "A newer step was taken already.",
  "hex-full": () => "This hex is full.",
};
