/** This tab's login. Its newest refresh token is kept for reloads; nothing of the password is. */
import { type Account, AccountError, login, register, resumeLogin } from "@hexhold/client";
import { forgetLogin, keepLogin, takeLogin } from "./join-token.ts";

const options = {
  url: location.origin,
  onTokens: ({ refreshToken }: { readonly refreshToken: string }) => keepLogin(refreshToken),
};

/** Rejects with an AccountError. */
export function enter(how: "register" | "login", name: string, password: string): Promise<Account> {
  return (how === "register" ? register : login)(options, name, password);
}

/** The login of before a reload; undefined when it has ended. Never rejects. */
export async function goOn(): Promise<Account | undefined> {
  const refreshToken = takeLogin();
  if (refreshToken === undefined) return undefined;
  try {
    return await resumeLogin(options, refreshToken);
  } catch (error) {
    // One that may still be good is tried again with the next reload.
    if (error instanceof AccountError && error.retryAfterMs === 0) forgetLogin();
    return undefined;
  }
}
