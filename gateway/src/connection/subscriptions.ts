/** The hexes that one connection watches: those around the hex where its player lives. */
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { type Key, keyText } from "@hexhold/hex";
import { type EdgeError, limited } from "../admission/check-command.ts";
import type { Edge } from "../edge.ts";
import type { Observer } from "../interest/interest.ts";
import { type Residence, viewRadius } from "../session/residence.ts";

export class Subscriptions {
  readonly #edge: Pick<Edge, "checkKey" | "config" | "interest">;
  readonly #observer: Observer;
  readonly #keys = new Map<string, Key>();

  constructor(edge: Pick<Edge, "checkKey" | "config" | "interest">, observer: Observer) {
    this.#edge = edge;
    this.#observer = observer;
  }

  has(text: string): boolean {
    return this.#keys.has(text);
  }

  get keyTexts(): string[] {
    return [...this.#keys.keys()];
  }

  /**
   * Watches those that the player may see, also those that it watched before: each sends its state again. `refused`
   * hears why not of each other one.
   */
  add(
    keys: readonly Key[],
    residence: Residence,
    refused: (error: EdgeError, key: Key) => void,
  ): void {
    const taken = keys.filter((key) => {
      const fault = this.#fault(key, residence);
      if (fault === undefined) this.#keys.set(keyText(key), key);
      else refused(fault, key);
      return fault === undefined;
    });
    this.#edge.interest.subscribe(this.#observer, taken);
  }

  remove(keys: readonly Key[]): void {
    for (const key of keys) this.#keys.delete(keyText(key));
    this.#edge.interest.unsubscribe(this.#observer, keys);
  }

  /** Ends what the player sees no more, and returns it. */
  leaveBehind(residence: Residence): Key[] {
    const left = [...this.#keys.values()].filter((key) => !residence.sees(key));
    if (left.length > 0) this.remove(left);
    return left;
  }

  /** The connection is gone. */
  close(): void {
    this.#edge.interest.drop(this.#observer, this.#keys.values());
  }

  #fault(key: Key, residence: Residence): EdgeError | undefined {
    const fault = this.#edge.checkKey(key);
    if ("code" in fault) return fault;
    if (!residence.sees(key)) {
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
