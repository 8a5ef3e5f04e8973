import type { Bus } from "./bus.ts";

/** What a service lacks of its broker, in words for `/readyz`; empty when it may publish and consume. */
export function missingOfBus({ state }: Pick<Bus, "state">): string[] {
  switch (state.mode) {
    case "connected":
      return [];
    case "disconnected":
      return [`the broker: ${state.reason}`];
    case "blocked":
      return [`the broker takes no messages: ${state.reason}`];
    default:
      return state satisfies never;
  }
}
