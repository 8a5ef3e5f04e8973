/** Names of players: asked for in batches when they are first wanted, and kept, since a name never changes. */
import { type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import {
  type GetNamesResponse,
  GetNamesResponseSchema,
} from "@hexhold/gen/hexhold/edge/v1/auth_pb";
import { AccountError, callAuth } from "./auth-call.ts";
import { backoffMs } from "./backoff.ts";
import { uuidText } from "./bytes.ts";

export interface NamesOptions {
  /** Of a gateway, or of several: as {@link AccountOptions.url}. */
  readonly url: string | readonly string[];
  /** An access token, or where to get one: as {@link ClientOptions.token}. */
  readonly token: string | (() => Promise<string>);
  /** Some names are known now that were not before. */
  readonly onNames?: () => void;
  /** Ids are gathered for so long, to be asked for in one call. Default 50 ms. */
  readonly gatherMs?: number;
}

export interface Names {
  /**
   * The name of the account, or undefined: not known yet (it is asked for, and `onNames` tells), or there is no
   * such account, as with players that the host has minted. `accountId`: 16 bytes.
   */
  nameOf(accountId: Uint8Array): string | undefined;
  /** Asks for nothing any more. Idempotent. */
  close(): void;
}

/** What the server takes in one call. */
const idsMax = 100;
/** Accounts that are remembered; the one that was learnt first is forgotten. */
const knownMax = 20_000;
/** Accounts that wait to be asked for; beyond it an id is passed over, until it is wanted again. */
const wantedMax = 1000;
/** After a failure. A token that is not taken may be followed by one that is. */
const retry = { baseMs: 2000, maxMs: 60_000 };

export function createNames(options: NamesOptions): Names {
  const { url, token, onNames, gatherMs = 50 } = options;
  /** Undefined: there is no such account. */
  const known = new Map<string, string | undefined>();
  const wanted = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isAsking = false;
  let isClosed = false;

  function askIn(ms: number): void {
    if (isClosed || isAsking || wanted.size === 0) return;
    timer ??= setTimeout(() => void ask(), ms);
  }

  /** Never rejects. */
  async function ask(): Promise<void> {
    timer = undefined;
    isAsking = true;
    const accountIds = [...wanted].slice(0, idsMax);
    let pauseMs = gatherMs;
    try {
      const accessToken = typeof token === "string" ? token : await token();
      learn(accountIds, await call(url, { accessToken, accountIds }));
      failures = 0;
    } catch (error) {
      const named = error instanceof AccountError ? error.retryAfterMs : 0;
      pauseMs = Math.max(named, backoffMs(failures++, retry));
    }
    isAsking = false;
    askIn(pauseMs);
  }

  function learn(asked: readonly string[], { names }: GetNamesResponse): void {
    if (isClosed) return;
    for (const id of asked) {
      wanted.delete(id);
      known.set(id, undefined);
    }
    for (const { accountId, name } of names) known.set(accountId, name);
    for (const id of known.keys()) {
      if (known.size <= knownMax) break;
      known.delete(id);
    }
    if (names.length > 0) onNames?.();
  }

  return {
    nameOf(accountId) {
      const id = uuidText(accountId);
      const name = known.get(id);
      if (name !== undefined || known.has(id) || isClosed) return name;
      if (wanted.size < wantedMax) wanted.add(id);
      askIn(gatherMs);
      return undefined;
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      wanted.clear();
    },
  };
}

async function call(url: NamesOptions["url"], request: object): Promise<GetNamesResponse> {
  const response = (await callAuth(url, "GetNames", request)) as JsonValue;
  return fromJson(GetNamesResponseSchema as DescMessage, response, {
    ignoreUnknownFields: true,
  }) as GetNamesResponse;
}
