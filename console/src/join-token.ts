/**
 * The access token this page was opened with: after `#token=` of its address, from where it is taken away at once,
 * so that it is in no history, bookmark or screenshot. Kept for this tab only, so that a reload goes on.
 */
const storageName = "hexhold.token";

export function takeToken(): string | undefined {
  const given = new URLSearchParams(location.hash.slice(1)).get("token") ?? undefined;
  if (given !== undefined) {
    history.replaceState(undefined, "", location.pathname + location.search);
    sessionStorage.setItem(storageName, given);
  }
  return given ?? sessionStorage.getItem(storageName) ?? undefined;
}

const loginName = "hexhold.login";

/** The refresh token of this tab's login, so that a reload goes on with it. */
export function takeLogin(): string | undefined {
  return sessionStorage.getItem(loginName) ?? undefined;
}

/** The newest one only: an older one would end the login. */
export function keepLogin(refreshToken: string): void {
  sessionStorage.setItem(loginName, refreshToken);
}

export function forgetLogin(): void {
  sessionStorage.removeItem(loginName);
}

/** A token that was not taken is not tried again. */
export function forgetToken(): void {
  sessionStorage.removeItem(storageName);
}
