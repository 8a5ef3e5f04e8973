/** The hexes that one connection watches. */
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { diskOf, type Key, keyText } from "@hexhold/hex";
import { type EdgeError, limited } from "../admission/check-command.ts";
import type { Edge } from "../edge.ts";

/** How far from its own hex a player sees. */
const viewRadius = 2;

export class Subscriptions {
  readonly #edge: Pick<Edge, "checkKey" | "config">;
  readonly #keys = new Map<string, Key>();

  constructor(edge: Pick<Edge, "checkKey" | "config">) {
    this.#edge = edge;
  }

  get keys(): Iterable<Key> {
    return this.#keys.values();
  }

  get keyTexts(): string[] {
    return [...this.#keys.keys()];
  }

  /**
   * Takes those that a player who lives in `residence` may watch, also those that were taken before; `refused`
   * hears why not of each other one.
   */
  add(
    keys: readonly Key[],
    residence: Key | undefined,
    refused: (error: EdgeError, key: Key) => void,
  ): Key[] {
    const near = new Set(residence === undefined ? [] : diskOf(residence.hexId, viewRadius));
    return keys.filter((key) => {
      const isNear = residence?.layerId === key.layerId && near.has(key.hexId);
      const fault = this.#fault(key, isNear);
      if (fault === undefined) this.#keys.set(keyText(key), key);
      else refused(fault, key);
      return fault === undefined;
    });
  }

  remove(keys: readonly Key[]): void {
    for (const key of keys) this.#keys.delete(keyText(key));
  }

  #fault(key: Key, isNear: boolean): EdgeError | undefined {
    const fault = this.#edge.checkKey(key);
    if ("code" in fault) return fault;
    if (!isNear) {
      return {
        code: ErrorCode.PERMISSION_DENIED,
        reason: "too-far",
        message: `a player sees the hexes at most ${viewRadius} steps from its own`,
      };
    }
    const isFull = this.#keys.size >= this.#edge.config.subscriptionsMax;
    if (!isFull || this.#keys.has(keyText(key))) return undefined;
    return limited("too-many-subscriptions", "unsubscribe from other hexes first", 0);
  }
}
