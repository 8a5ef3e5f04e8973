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

/** A token that was not taken is not tried again. */
export function forgetToken(): void {
  sessionStorage.removeItem(storageName);
}
