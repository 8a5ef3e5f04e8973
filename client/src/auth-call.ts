/** One call of AuthService, over HTTP, to whichever gateway answers. */
import { fromBinary } from "@bufbuild/protobuf";
import { AuthErrorSchema } from "@hexhold/gen/hexhold/edge/v1/auth_pb";

/** AuthService said no, or could not be reached (`unreachable`). */
export class AccountError extends Error {
  readonly code = "ACCOUNT";
  /** As in docs/protocol.md, "Accounts"; `invalid` for a broken field rule. */
  readonly reason: string;
  /** 0 = repeating it makes no sense. */
  readonly retryAfterMs: number;
  /** Of `banned`: when it ends (undefined = never) and why, in the operator's words; else undefined. */
  readonly ban: { readonly untilMs: number | undefined; readonly reason: string } | undefined;
  constructor(reason: string, message: string, retryAfterMs = 0, ban?: AccountError["ban"]) {
    super(message);
    this.name = "AccountError";
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    this.ban = ban;
  }
}

/** Asks one gateway after another, until one answers. Rejects with an {@link AccountError}. */
export async function callAuth(
  url: string | readonly string[],
  method: string,
  request: object,
): Promise<unknown> {
  const [first = "", ...others] = typeof url === "string" ? [url] : url;
  try {
    return await postTo(first, method, request);
  } catch (error) {
    const isSilent = error instanceof AccountError && error.reason === "unreachable";
    if (others.length === 0 || !isSilent) throw error;
    return callAuth(others, method, request);
  }
}

async function postTo(url: string, method: string, request: object): Promise<unknown> {
  const path = `/hexhold.edge.v1.AuthService/${method}`;
  let response: Response;
  try {
    response = await fetch(new URL(path, url.replace(/^ws/, "http")), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(10_000),
    });
  } catch (error) {
    throw new AccountError("unreachable", `no answer: ${(error as Error).message}`, 1000);
  }
  const body = (await response.json().catch(() => ({}))) as ErrorBody;
  if (response.ok) return body;
  throw errorOf(body, response.status);
}

interface ErrorBody {
  readonly message?: string;
  readonly details?: readonly { readonly type?: string; readonly value?: string }[];
}

function errorOf({ message = "", details = [] }: ErrorBody, status: number): AccountError {
  const detail = details.find(({ type }) => type === AuthErrorSchema.typeName)?.value;
  if (detail === undefined) {
    return status === 400
      ? new AccountError("invalid", message)
      : new AccountError("unreachable", message || `HTTP ${status}`, 1000);
  }
  const bytes = Uint8Array.from(atob(detail), (character) => character.charCodeAt(0));
  const { reason, retryAfterMs, bannedUntilMs, banReason } = fromBinary(AuthErrorSchema, bytes);
  const untilMs = bannedUntilMs === 0n ? undefined : Number(bannedUntilMs);
  const ban = reason === "banned" ? { untilMs, reason: banReason } : undefined;
  return new AccountError(reason, message, retryAfterMs, ban);
}
