/** The topics that one connection listens to: those that it has asked for, and what is for its player alone. */
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { type Key, keyText } from "@hexhold/hex";
import { parseTopic, playerTopic } from "@hexhold/messaging";
import { type EdgeError, limited } from "../admission/check-command.ts";
import type { Edge } from "../edge.ts";
import type { Observer } from "../interest/interest.ts";

/** Topics of a session, its player's own not counted: a book each, the world's chat, and two for each hex near by. */
export const topicsMax = 24;

export class Listening {
  readonly #edge: Pick<Edge, "books" | "topics">;
  readonly #observer: Observer;
  /** Whether the connection watches a hex. */
  readonly #watches: (hex: string) => boolean;
  /** With the hex that a topic belongs to, as key text. */
  readonly #topics = new Map<string, string | undefined>();
  #own: string | undefined;

  constructor(
    edge: Pick<Edge, "books" | "topics">,
    observer: Observer,
    watches: (hex: string) => boolean,
  ) {
    this.#edge = edge;
    this.#observer = observer;
    this.#watches = watches;
  }

  /** A session has begun: its player's own events come from now on. */
  begin(account: string): void {
    this.#own = playerTopic(account);
    this.#edge.topics.listen(this.#observer, this.#own);
  }

  /** `refused` hears why not of each topic that is not taken; the others are. */
  add(topics: readonly string[], refused: (error: EdgeError, topic: string) => void): void {
    for (const topic of topics) {
      const found = this.#find(topic);
      if ("code" in found) {
        refused(found, topic);
        continue;
      }
      this.#topics.set(topic, found.hex);
      this.#edge.topics.listen(this.#observer, topic);
    }
  }

  drop(topics: Iterable<string>): void {
    for (const topic of topics) {
      if (!this.#topics.has(topic)) continue;
      this.#topics.delete(topic);
      this.#edge.topics.leave(this.#observer, topic);
    }
  }

  /** Hexes that the connection watches no more: their topics end with them. */
  leaveHexes(keys: readonly Key[]): void {
    const left = new Set(keys.map(keyText));
    this.drop([...this.#topics].flatMap(([topic, hex]) => (left.has(hex ?? "") ? [topic] : [])));
  }

  /** The connection is gone. */
  close(): void {
    this.drop([...this.#topics.keys()]);
    if (this.#own !== undefined) this.#edge.topics.leave(this.#observer, this.#own);
  }

  #find(topic: string): EdgeError | { readonly hex: string | undefined } {
    const parsed = parseTopic(topic);
    if (parsed === undefined || (parsed.kind === "market" && !this.#edge.books.has(parsed.book))) {
      return {
        code: ErrorCode.NOT_FOUND,
        reason: "unknown-topic",
        message: "there is no such topic",
      };
    }
    const hex = "key" in parsed ? keyText(parsed.key) : undefined;
    if (hex !== undefined && !this.#watches(hex)) {
      return {
        code: ErrorCode.PERMISSION_DENIED,
        reason: "not-subscribed",
        message: "a topic of a hex is for who is subscribed to the hex",
      };
    }
    if (this.#topics.size >= topicsMax && !this.#topics.has(topic)) {
      return limited("too-many-topics", "drop other topics first", 0);
    }
    return { hex };
  }
}
