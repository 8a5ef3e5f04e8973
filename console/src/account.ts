/** This tab's login. */
import { type Account, AccountError, login, register, resumeLogin } from "@hexhold/client";
import { forgetLogin, holdTab, keepLogin, takeLogin } from "./kept-login.ts";
import { accountWords, copiedTab, type How, unexpected } from "./words/account-words.ts";

const options = {
  url: location.origin,
  onTokens: ({ refreshToken }: { readonly refreshToken: string }) => keepLogin(refreshToken),
};

/** Rejects with an AccountError. */
export async function enter(how: How, name: string, password: string): Promise<Account> {
  await holdTab();
  return (how === "register" ? register : login)(options, name, password);
}

export type Restored = { readonly account: Account } | { readonly why: string } | undefined;

/** The login of before a reload, or why it does not go on; undefined when there was none. Never rejects. */
export async function restore(): Promise<Restored> {
  const kept = await takeLogin();
  if (kept === undefined) return undefined;
  if (kept.isCopy) return { why: copiedTab };
  try {
    return { account: await resumeLogin(options, kept.refreshToken) };
  } catch (error) {
    // One that may still be good is tried again with the next reload.
    if (error instanceof AccountError && error.retryAfterMs === 0) forgetLogin();
    return { why: faultWords(error) };
  }
}

/** What a call of the accounts service failed with, for the player; what is none of its answers is reported as well. */
export function faultWords(error: unknown): string {
  if (error instanceof AccountError) return accountWords(error, Date.now());
  reportError(error);
  return unexpected;
}
