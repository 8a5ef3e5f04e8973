/** Names and passwords: what they must be, and what the accounts service says. */
import type { AccountError } from "@hexhold/client";

export type How = "register" | "login";

export const nameRule = "3 to 24 letters, digits, - or _, beginning with a letter or a digit";
export const passwordRule = "At least 8 characters, not your name";

/** As in `proto/hexhold/edge/v1/auth.proto`; a test holds them together. */
const nameCharactersMin = 3;
const nameCharactersMax = 24;
const passwordCharactersMin = 8;
const passwordCharactersMax = 128;

export interface FieldFault {
  readonly field: "name" | "password";
  readonly words: string;
}

/** What is wrong with the form, before it is sent; undefined: nothing that the page could see. */
export function formFault(how: How, name: string, password: string): FieldFault | undefined {
  const nameWords = nameFault(how, name);
  if (nameWords !== undefined) return { field: "name", words: nameWords };
  const passwordWords = passwordFault(how, password);
  return passwordWords === undefined ? undefined : { field: "password", words: passwordWords };
}

function nameFault(how: How, name: string): string | undefined {
  const length = charactersOf(name);
  if (length === 0) return "Please enter your name.";
  if (length > nameCharactersMax) return `A name has at most ${nameCharactersMax} characters.`;
  if (how === "login") return undefined;
  if (length < nameCharactersMin) return `A name has at least ${nameCharactersMin} characters.`;
  if (/[^A-Za-z0-9_-]/.test(name)) {
    return "A name may have letters from A to Z, digits, - and _, and nothing else.";
  }
  return /^[-_]/.test(name) ? "A name begins with a letter or a digit." : undefined;
}

function passwordFault(how: How, password: string): string | undefined {
  const length = charactersOf(password);
  if (length === 0) return "Please enter your password.";
  if (length > passwordCharactersMax) {
    return `A password has at most ${passwordCharactersMax} characters.`;
  }
  return how === "register" && length < passwordCharactersMin
    ? `A password has at least ${passwordCharactersMin} characters.`
    : undefined;
}

/** As the server counts them: code points, not units of UTF-16. */
function charactersOf(text: string): number {
  return Array.from(text).length;
}

const faults: Readonly<Record<string, string>> = {
  "name-taken": "This name is taken. Choose another one. If it is yours, log in instead.",
  "weak-password":
    "This password is too easy to guess: it is your name, or the same piece over and over. Choose another one.",
  "wrong-name-or-password": "Name or password are not right.",
  "bad-refresh-token": "Your login is over. Please log in again.",
  "refresh-token-reused":
    "Your login was used in two places at once and was ended to be safe. Please log in again.",
  "bad-token": "Your login is over. Please log in again.",
  "expired-token": "Your login is over. Please log in again.",
  "logged-out": "You were logged out. Please log in again.",
  "accounts-down": "Nobody can log in just now. Nothing was done: please try again in a moment.",
  "keys-unknown": "Nobody can log in just now. Please try again in a moment.",
  "unknown-outcome": "No answer came. Please try again with the same name and password.",
  "invalid-payload": "This name or password cannot be used. Please choose others.",
  invalid: "This name or password cannot be used. Please choose others.",
  internal: "Something went wrong on the server. Please try again later.",
  unreachable: "The world cannot be reached. Check your connection and try again.",
};

/** Of what nobody has foreseen. */
export const unexpected = "That did not work. Please try again later.";

/** The sentence of a reason without figures of its own; undefined: there is none. */
export function accountSentence(reason: string): string | undefined {
  return faults[reason];
}

/** @param nowMs Unix milliseconds. */
export function accountWords(error: AccountError, nowMs: number): string {
  const { reason, retryAfterMs, ban } = error;
  if (reason === "banned") return banWords(ban, nowMs);
  if (reason === "rate-limited") {
    return `Too many tries. Please wait ${durationWords(Math.max(retryAfterMs, 1000))} and try again.`;
  }
  return faults[reason] ?? unexpected;
}

function banWords(ban: AccountError["ban"], nowMs: number): string {
  const why = ban?.reason ? ` The reason: ${ban.reason.replace(/[.\s]+$/, "")}.` : "";
  return ban?.untilMs === undefined
    ? `This account is banned from this world.${why}`
    : `This account is banned for another ${durationWords(Math.max(ban.untilMs - nowMs, 1000))}.${why}`;
}

/** In the largest unit of which there are two or more; at least a second. */
export function durationWords(ms: number): string {
  const s = Math.ceil(ms / 1000);
  for (const [unit, seconds] of [
    ["days", 86_400],
    ["hours", 3600],
    ["minutes", 60],
  ] as const) {
    if (s >= 2 * seconds) return `${Math.ceil(s / seconds)} ${unit}`;
  }
  return s === 1 ? "1 second" : `${s} seconds`;
}

export const copiedTab =
  "This tab is a copy of another one, where you are playing. Log in here to play in this one.";
export const loggedOut = "You are logged out. See you soon!";
export const loggedOutHereOnly =
  "You are logged out in this tab. The world could not be told: your login there ends by itself.";

/** Who has no account has no name. @param playerId hex digits of the id. */
export function guestName(playerId: string): string {
  return `Guest ${playerId.slice(-4)}`;
}
