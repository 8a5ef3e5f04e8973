/** Channels by their names, and who may read them. Pure. */
import { areNeighbours, type Key, keyText, parseKeyText } from "@hexhold/hex";

/** Of the table of messages: each kind is kept for another time. */
export const channelKinds = { world: 1, hex: 2, whisper: 3 } as const;
export type ChannelKind = keyof typeof channelKinds;

export type Channel =
  | { readonly kind: "world" }
  | { readonly kind: "hex"; readonly key: Key }
  /** Accounts as text, the smaller one first. */
  | { readonly kind: "whisper"; readonly accounts: readonly [string, string] };

export const worldChannel = "world";

/** @param hex key text. */
export function hexChannel(hex: string): string {
  return `hex/${hex}`;
}

export function whisperChannel(account: string, other: string): string {
  return account < other ? `whisper/${account}/${other}` : `whisper/${other}/${account}`;
}

/** Undefined: no channel is called so. */
export function parseChannel(name: string): Channel | undefined {
  if (name === worldChannel) return { kind: "world" };
  const [kind, first, second, ...rest] = name.split("/");
  if (kind === "hex" && first !== undefined && second === undefined) {
    try {
      const key = parseKeyText(first);
      return { kind: "hex", key };
    } catch {
      return undefined;
    }
  }
  if (kind !== "whisper" || first === undefined || second === undefined || rest.length > 0) {
    return undefined;
  }
  return first < second ? { kind: "whisper", accounts: [first, second] } : undefined;
}

/** Topic of `view.topic` in which a channel is heard; undefined: it is for two players alone. */
export function topicOf(channel: Channel): string | undefined {
  switch (channel.kind) {
    case "world":
      return "chat/world";
    case "hex":
      return `chat/${keyText(channel.key)}`;
    case "whisper":
      return undefined;
    default:
      return channel satisfies never;
  }
}

/** The other one of a whisper. */
export function partnerIn(
  { accounts: [first, second] }: Extract<Channel, { kind: "whisper" }>,
  account: string,
): string {
  return account === first ? second : first;
}

/**
 * Why an account may not read a channel; undefined: it may. By the channel's name alone, so that nothing is learnt of what is
 * in it.
 * @param hex key text of where the account's player lives; undefined: nobody has said.
 */
export function readRefusal(
  channel: Channel | undefined,
  account: string,
  hex: string | undefined,
): "too-far" | "not-yours" | undefined {
  switch (channel?.kind) {
    case "world":
      return undefined;
    case "hex":
      return hex !== undefined && isHeardAt(channel.key, parseKeyText(hex)) ? undefined : "too-far";
    case "whisper":
      return channel.accounts.includes(account) ? undefined : "not-yours";
    case undefined:
      // Of the right form, and names nothing that there can be.
      return "not-yours";
    default:
      return channel satisfies never;
  }
}

function isHeardAt(spoken: Key, at: Key): boolean {
  return (
    spoken.layerId === at.layerId &&
    (spoken.hexId === at.hexId || areNeighbours(spoken.hexId, at.hexId))
  );
}
