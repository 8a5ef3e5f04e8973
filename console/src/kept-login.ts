/**
 * What this tab keeps so that a reload goes on: a guest's access token, or the newest refresh token of a login. Kept
 * for the tab alone (`sessionStorage`), so that two tabs can play two accounts; nothing of a password is kept.
 *
 * A duplicated tab begins with a copy. A guest's token may be used by both. A refresh token works once: two tabs
 * that use it look like a theft, and end the login. So each tab holds a lock under a name of its own, and one whose
 * lock is held already is a copy: it gives up what it has of the login.
 */

const names = { guest: "hexhold.token", login: "hexhold.login", tab: "hexhold.tab" } as const;
/** A tab that is reloaded may hold its lock for a moment more. */
const reloadMsMax = 1000;

/** A guest's token after `#token=` of the address, from where it is taken at once: into no history, bookmark or picture. */
export function takeGuestToken(): string | undefined {
  const given = new URLSearchParams(location.hash.slice(1)).get("token") ?? undefined;
  if (given !== undefined) {
    history.replaceState(undefined, "", location.pathname + location.search);
    sessionStorage.setItem(names.guest, given);
  }
  return given ?? sessionStorage.getItem(names.guest) ?? undefined;
}

/** The newest one only: an older one would end the login. */
export function keepLogin(refreshToken: string): void {
  sessionStorage.setItem(names.login, refreshToken);
}

export function hasLogin(): boolean {
  return sessionStorage.getItem(names.login) !== null;
}

/** `isCopy`: the login is another tab's, and this one has forgotten it. */
export type KeptLogin =
  | { readonly isCopy: false; readonly refreshToken: string }
  | { readonly isCopy: true };

/** This tab's login; undefined when it has none. Never rejects. */
export async function takeLogin(): Promise<KeptLogin | undefined> {
  const isOwn = await holdTab();
  const refreshToken = sessionStorage.getItem(names.login);
  if (refreshToken === null) return undefined;
  if (isOwn) return { isCopy: false, refreshToken };
  forgetLogin();
  return { isCopy: true };
}

export function forgetLogin(): void {
  sessionStorage.removeItem(names.login);
}

export function forgetGuest(): void {
  sessionStorage.removeItem(names.guest);
}

let holding: Promise<boolean> | undefined;

/** Holds this tab's lock as long as the page lives. False: another tab of the same name holds it. */
export function holdTab(): Promise<boolean> {
  return (holding ??= holdOnce());
}

async function holdOnce(): Promise<boolean> {
  // Browsers have locks on secure origins only; elsewhere a copied login is found out by the server.
  if (!("locks" in navigator)) return true;
  if (await hold(sessionStorage.getItem(names.tab) ?? renameTab())) return true;
  await hold(renameTab());
  return false;
}

function renameTab(): string {
  const name = crypto.randomUUID();
  sessionStorage.setItem(names.tab, name);
  return name;
}

function hold(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(reloadMsMax);
    navigator.locks
      .request(`hexhold.tab.${name}`, { signal }, () => {
        resolve(true);
        // Until the page is gone.
        return new Promise<never>(() => undefined);
      })
      .catch(() => resolve(false));
  });
}
