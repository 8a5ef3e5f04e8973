/** Driver errors, recognised by code and never by message text. */

/** SQLSTATEs that the functions of schema `world` raise; docs/formats.md. */
export const worldState = {
  fenced: "HX001",
  headStale: "HX002",
  keyKnown: "HX003",
  keyMoved: "HX004",
  epochBehind: "HX005",
  belowFloor: "HX006",
} as const;

/** SQLSTATE of a server's error, undefined for anything else. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && hasSeverity(error)
    ? code
    : undefined;
}

/** DETAIL of a server's error. */
export function detailOf(error: unknown): string {
  const detail = (error as { detail?: unknown } | null)?.detail;
  return typeof detail === "string" ? detail : "";
}

/**
 * The command's own statement failed while the store answers others: deadlock, serialization failure,
 * statement or lock time-out.
 */
export function isStatementFailure(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === "40P01" || state === "40001" || state === "57014" || state === "55P03";
}

/**
 * The server answered and refused for a reason that is the statement's: its transaction did not happen.
 * Classes 08 (connection), 53 (resources), 57P (shutdown, admin) and 58 (system) are the server's.
 */
export function isServerRefusal(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== undefined && !/^(08|53|57P|58|XX)/.test(state);
}

/**
 * The server refuses what the statement's values are, so that repeating it cannot help: classes 22 (data), 23
 * (constraints) and 54 (too large). Every other refusal may be the server's state, or its operators' fault: a statement
 * that took too long, a password, a missing right, a standby that takes no writes.
 */
export function isContentRefusal(error: unknown): boolean {
  return /^(22|23|54)/.test(sqlStateOf(error) ?? "");
}

/** Everything but {@link isServerRefusal}: whether the statement took effect is not known. */
export function isOutage(error: unknown): boolean {
  return !isServerRefusal(error);
}

function hasSeverity(error: unknown): boolean {
  return typeof (error as { severity?: unknown }).severity === "string";
}
