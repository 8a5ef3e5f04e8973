/**
 * Topics: streams to players, and the routing keys of `view.topic` under which they travel. There is no second list.
 *
 * `player/<account>` is for one player; its key is one of 256 buckets, so that a login seldom changes the broker's tables.
 */
import { type Key, KeyTextError, murmur3, parseKeyText, regionOf } from "@hexhold/hex";

/** A topic that players may listen to. */
export type PublicTopic =
  | { readonly kind: "market"; readonly book: string }
  | { readonly kind: "chat-world" }
  /** Of a hex that they watch. */
  | { readonly kind: "chat" | "council"; readonly key: Key };

/** Buckets of players; the same in every version: a gateway binds what services publish to. */
export const playerBucketCount = 256;

const bookPattern = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const bookLengthMax = 64;
const playerPrefix = "player/";

/** Topic of what is for the player of an account alone; `account` is its UUID as text. */
export function playerTopic(account: string): string {
  return playerPrefix + account;
}

/** The account of a player's topic; undefined: it is no player's. */
export function accountOfTopic(topic: string): string | undefined {
  return topic.startsWith(playerPrefix) ? topic.slice(playerPrefix.length) : undefined;
}

export function bookTopic(book: string): string {
  return `market/${book}`;
}

/** Undefined: players cannot listen to it, whoever asks. */
export function parseTopic(topic: string): PublicTopic | undefined {
  const [kind, about, ...rest] = topic.split("/");
  if (about === undefined || rest.length > 0) return undefined;
  if (kind === "market") {
    return about.length <= bookLengthMax && bookPattern.test(about)
      ? { kind, book: about }
      : undefined;
  }
  if (topic === "chat/world") return { kind: "chat-world" };
  if (kind !== "chat" && kind !== "council") return undefined;
  const key = keyOf(about);
  return key === undefined ? undefined : { kind, key };
}

/** Routing key of a player's topic. */
export function playerRoutingKey(account: string): string {
  return `to.${murmur3(Buffer.from(account)) % playerBucketCount}`;
}

/** Routing key of a topic. Throws when it is none. */
export function topicRoutingKey(topic: string): string {
  const account = accountOfTopic(topic);
  if (account !== undefined) return playerRoutingKey(account);
  const parsed = parseTopic(topic);
  switch (parsed?.kind) {
    case "market":
      return `market.${parsed.book}`;
    case "chat-world":
      return "chat.world";
    case "chat":
    case "council":
      return `${parsed.kind}.${regionOf(parsed.key.hexId)}`;
    case undefined:
      throw new RangeError(`${JSON.stringify(topic)} is no topic`);
    default:
      return parsed satisfies never;
  }
}

function keyOf(text: string): Key | undefined {
  try {
    return parseKeyText(text);
  } catch (error) {
    if (error instanceof KeyTextError) return undefined;
    throw error;
  }
}
