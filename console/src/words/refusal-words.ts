/** What rules say no with, as a sentence for players; `{thing}` stands for what the command was about. */

/** Reasons that mean the same with every command. */
const refusals: Readonly<Record<string, string>> = {
  "not-resident": "You do not live in this hex any more.",
  "in-transit": "You are still on your way to the next hex.",
  "not-yet": "This world does not know that yet.",
  offline: "You have to come into the world first. Reload the page if this stays so.",
};

/** Of all that is said. */
const talking = {
  "text-not-allowed":
    "That cannot be sent: one line of at most 256 characters, without signs that turn or pile up.",
  muted: "You are muted.",
  "too-fast": "That was too much at once.",
  repeated: "You have just said that.",
};

/** Reasons of one command. */
const refusalsOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "cmd.hex.enter": { "already-online": "You are here already." },
  "cmd.hex.leave": { "already-offline": "You have left already." },
  "cmd.hex.move": {
    "out-of-order": "You have taken a newer step already.",
    "outside-hex": "That place is outside your hex.",
  },
  "cmd.hex.gather": { depleted: "There is not enough {thing} left here." },
  "cmd.hex.contribute": {
    "unknown-site": "That building site is gone.",
    "not-needed": "The building site needs nothing of this.",
    "site-full": "The building site has no room for as much: others are bringing some already.",
    "too-many-contributors": "So many players help with this building that nobody else can.",
    "too-many-pending": "What was given before has not arrived yet.",
  },
  "cmd.hex.plan-site": {
    "not-owner": "Only the owner of this hex can plan a building here.",
    "site-open": "Something is being built here already.",
    "level-too-low": "This hex has to rise before that can be built here.",
    "no-room": "There is no room for another building: the hex has to rise first.",
  },
  "cmd.hex.give-up-site": {
    "unknown-site": "That building site is gone.",
    "not-owner": "Only the owner of this hex, or who planned the building, can give it up.",
    building: "It is being built already: nothing comes back any more.",
  },
  "cmd.hex.set-tax": {
    "not-owner": "Only the owner of this hex can set its tax.",
    "tax-pending": "The last tax that was set is not in force yet.",
    "tax-too-high": "No tax may be as high as that.",
  },
  "cmd.hex.transfer": {
    "not-adjacent": "You can only walk to a hex next to yours.",
    "outside-world": "The world ends there: you cannot walk further that way.",
  },
  "cmd.market.place-order": {
    "no-such-book": "Nobody trades {thing} in this world.",
    halted: "The market for {thing} is closed just now. Please come back later.",
    "off-tick": "A price may have three digits that count, such as 1,230: round it.",
    "too-large":
      "That is too much for one order: price times quantity is at most 1,000,000,000,000.",
    "too-many-orders": "You have as many orders for {thing} as one may have. Cancel one first.",
    "book-full": "There are so many orders for {thing} that no more fit. Try another price later.",
    "too-new": "Your account is too new to trade. Please come back later.",
    "too-fast": "That was too quick: orders need a moment between them.",
  },
  "cmd.market.cancel-order": {
    "unknown-order": "That order is gone.",
    "already-ended": "That order has ended already.",
    "too-fast": "That was too quick: orders need a moment between them.",
  },
  "cmd.market.get-book": { "no-such-book": "Nobody trades {thing} in this world." },
  "cmd.market.get-trades": { "no-such-book": "Nobody trades {thing} in this world." },
  "cmd.market.get-candles": { "no-such-book": "Nobody trades {thing} in this world." },
  "cmd.inventory.offer-trade": {
    "unknown-player": "That player cannot trade: it has no bag in this world.",
    yourself: "You cannot trade with yourself.",
    insufficient: "You do not have that much to give.",
    "item-not-yours": "One of these items is not yours any more.",
    "item-held": "One of these items is part of another offer already.",
    "too-many-offers": "You have as many open offers as one may have. Withdraw one first.",
    "too-new": "Your account is too new to trade. Please come back later.",
    "nothing-offered": "An offer has to give something.",
  },
  "cmd.inventory.accept-trade": {
    "unknown-offer": "That offer is gone.",
    "terms-differ":
      "Nothing was traded: the offer is not what you were shown. Look at it again before you accept.",
    "not-open": "That offer has ended already.",
    insufficient: "You do not have what the offer asks for.",
    "item-not-yours": "The offer asks for an item that is not yours.",
    "item-held": "The offer asks for an item that is part of another offer.",
  },
  "cmd.inventory.end-trade": {
    "unknown-offer": "That offer is gone.",
    "not-open": "That offer has ended already.",
  },
  "cmd.governance.call-election": {
    "too-little-reputation":
      "You need more reputation in this hex to call an election: give something to it first.",
    "owner-in-term": "This hex has an owner, whose term is not over.",
    "election-open": "An election is going on already.",
    "cooling-down": "The last election was only just now: it is too early for another.",
    "too-few-electors": "Too few players have done something for this hex to hold an election.",
  },
  "cmd.governance.stand": {
    "not-open": "That election is over.",
    "not-elector": "You have no vote in this election, and so cannot stand in it.",
    "already-standing": "You stand already.",
    "too-late": "It is too late to stand: that is for the first half of an election.",
    "too-many-candidates": "So many players stand already that nobody else can.",
  },
  "cmd.governance.vote": {
    "not-open": "That election is over.",
    "not-elector":
      "You have no vote in this election: it belongs to those who had reputation here when it was called.",
    "not-candidate": "That player does not stand in this election.",
    "too-many-votes": "You have changed your vote so often that it stays as it is.",
  },
  "cmd.chat.say": {
    ...talking,
    "no-residence": "The chat has not heard yet where you live. Please try again in a moment.",
    "too-new": "Your account is too new to talk to the whole world.",
  },
  "cmd.chat.whisper": {
    ...talking,
    "unknown-player": "There is no such player.",
    yourself: "That is you.",
    "not-accepted": "That player takes no whispers, or none of yours.",
  },
  "cmd.chat.get-history": {
    "too-far": "That hex is too far away to be heard.",
    "not-yours": "Those whispers are not yours.",
  },
  "cmd.chat.block": {
    yourself: "You cannot block yourself.",
    "too-many-blocks": "You have blocked as many players as one can.",
  },
  "cmd.chat.report": {
    "too-far": "That was said too far away from where you live now.",
    "not-yours": "Those whispers are not yours.",
    "unknown-message": "That message is gone.",
    "already-reported": "You have reported it already.",
    "too-fast": "That was too many reports at once.",
  },
  "cmd.governance.get-election": { "unknown-election": "That election is gone." },
};

/** The sentence of a refusal; undefined: there is none. */
export function refusalSentence(type: string, reason: string): string | undefined {
  return refusalsOf[type]?.[reason] ?? refusals[reason];
}
