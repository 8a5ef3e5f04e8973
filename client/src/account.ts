/** An account: registration, login, and an access token that is always fresh. Over HTTP, by AuthService. */
import { type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type AuthTokens, AuthTokensSchema } from "@hexhold/gen/hexhold/edge/v1/auth_pb";
import { v7 } from "uuid";
import { AccountError, callAuth } from "./auth-call.ts";

export interface AccountOptions {
  /** Of a gateway, as `ws:`, `wss:`, `http:` or `https:`, or of several: the next one is asked when one is silent. */
  readonly url: string | readonly string[];
  /** Each new pair of tokens, the first included: for those who keep the refresh token. */
  readonly onTokens?: (tokens: AuthTokens) => void;
  /** Between two tries, in milliseconds (default 1,000). */
  readonly retryMs?: number;
}

/** A login of an account. Hand its `token` to a client: `createClient({ url, token: account.token })`. */
export interface Account {
  /** UUID text. */
  readonly accountId: string;
  /** An access token with more than 90 s to live; refreshes if it must. Rejects with an {@link AccountError}. */
  readonly token: () => Promise<string>;
  /** Ends the login, and the session that plays under it. */
  logout(): Promise<void>;
}

/** Makes an account and logs it in; the same name and password again log in. Rejects with an {@link AccountError}. */
export async function register(
  options: AccountOptions,
  name: string,
  password: string,
): Promise<Account> {
  return accountOf(options, await call(options.url, "Register", { name, password }));
}

/** Rejects with an {@link AccountError}. */
export async function login(
  options: AccountOptions,
  name: string,
  password: string,
): Promise<Account> {
  return accountOf(options, await call(options.url, "Login", { name, password }));
}

/** Goes on with a login by its newest refresh token, which is used up by it. Rejects with an {@link AccountError}. */
export async function resumeLogin(options: AccountOptions, refreshToken: string): Promise<Account> {
  return accountOf(options, await refresh(options, refreshToken));
}

/** A token with less left is not handed out: a gateway asks for the next one 60 s before the end. */
const freshMsMin = 90_000;
const triesMax = 5;
/** Refreshes in wait for a player that is not in the world yet. */
const residenceTriesMax = 10;

function accountOf(options: AccountOptions, first: AuthTokens): Account {
  const { url, onTokens, retryMs = 1000 } = options;
  let tokens = first;
  let received = clocks();
  let refreshing: Promise<void> | undefined;
  const lifeMs = accessLifeMs(first);
  onTokens?.(first);

  const isFresh = (): boolean => msSince(received) < lifeMs - freshMsMin;
  const refreshOnce = async (): Promise<void> => {
    tokens = await refresh(options, tokens.refreshToken);
    received = clocks();
    onTokens?.(tokens);
  };
  const renew = (): Promise<void> =>
    (refreshing ??= refreshOnce().finally(() => (refreshing = undefined)));

  return {
    accountId: first.accountId,
    async token() {
      if (!isFresh()) await renew();
      for (let tries = 0; tokens.residence === "" && tries < residenceTriesMax; tries++) {
        await pause(retryMs);
        await renew();
      }
      return tokens.accessToken;
    },
    async logout() {
      await refreshing?.catch(() => undefined);
      await callAuth(url, "Logout", { refreshToken: tokens.refreshToken });
    },
  };
}

interface Clocks {
  readonly dateMs: number;
  readonly monotonicMs: number;
}

const clocks = (): Clocks => ({ dateMs: Date.now(), monotonicMs: performance.now() });

/** The longer of two: one clock may be set back, the other stands still while the device sleeps. */
function msSince({ dateMs, monotonicMs }: Clocks): number {
  return Math.max(Date.now() - dateMs, performance.now() - monotonicMs);
}

/** Under one request id, so that a repetition is no second use of the token. */
async function refresh(options: AccountOptions, refreshToken: string): Promise<AuthTokens> {
  const request = { refreshToken, requestId: v7() };
  for (let tries = 1; ; tries++) {
    try {
      return await call(options.url, "Refresh", request);
    } catch (error) {
      const mayHelp = error instanceof AccountError && error.retryAfterMs > 0 && tries < triesMax;
      if (!mayHelp) throw error;
      await pause(Math.min(options.retryMs ?? 1000, error.retryAfterMs));
    }
  }
}

/** Of the token itself, by its own clock: that of this machine may be wrong. */
function accessLifeMs({ accessToken, accessExpiresMs }: AuthTokens): number {
  const [, claims = ""] = accessToken.split(".");
  const { iat = 0 } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))) as {
    iat?: number;
  };
  return Number(accessExpiresMs) - iat * 1000;
}

async function call(
  url: AccountOptions["url"],
  method: "Register" | "Login" | "Refresh",
  request: object,
): Promise<AuthTokens> {
  const { tokens = null } = (await callAuth(url, method, request)) as { tokens?: JsonValue };
  return fromJson(AuthTokensSchema as DescMessage, tokens, {
    ignoreUnknownFields: true,
  }) as AuthTokens;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
