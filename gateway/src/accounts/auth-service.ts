/** `hexhold.edge.v1.AuthService`: accounts over HTTP. Nothing here logs what it is given. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createContextKey,
  type HandlerContext,
} from "@connectrpc/connect";
import { BannedDetailSchema, type TokenPair } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { AuthErrorSchema, AuthService } from "@hexhold/gen/hexhold/edge/v1/auth_pb";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { keyText } from "@hexhold/hex";
import { keyOfWire, uuidBytes, uuidText } from "@hexhold/messaging";
import type { GatewayMetrics } from "../gateway-metrics.ts";
import type { AccountsClient, Called } from "./accounts-client.ts";
import type { CheckAsker } from "./check-asker.ts";
import type { AuthLimits } from "./auth-limits.ts";

/** Address that a call comes from. */
export const remoteAddress = createContextKey("", { description: "remote address" });

export interface AuthServiceOptions {
  readonly client: AccountsClient;
  readonly limits: Pick<AuthLimits, "waitMs">;
  readonly checkAsker: CheckAsker;
  readonly metrics: GatewayMetrics;
}

const refusalCodes: Readonly<Record<string, readonly [Code, string]>> = {
  "name-taken": [Code.AlreadyExists, "another account has this name: choose another"],
  "weak-password": [
    Code.InvalidArgument,
    "the password is the name or repeats itself: choose another",
  ],
  "wrong-name-or-password": [Code.Unauthenticated, "name or password are wrong"],
  "bad-refresh-token": [
    Code.Unauthenticated,
    "the refresh token is not valid any more: log in again",
  ],
  "refresh-token-reused": [
    Code.Unauthenticated,
    "the refresh token came twice, so its login has ended: log in again",
  ],
  banned: [Code.PermissionDenied, "this account is banned"],
};
const retryMs = 1000;

export function routeAuthService(router: ConnectRouter, options: AuthServiceOptions): void {
  const { client, limits, checkAsker, metrics } = options;

  async function run<T, R>(
    method: string,
    context: HandlerContext,
    name: string | undefined,
    call: () => Promise<Called<T>>,
    respond: (result: T) => R,
  ): Promise<R> {
    const waitMs = limits.waitMs(context.values.get(remoteAddress), name, performance.now());
    const called: Called<T> | "limited" = waitMs > 0 ? "limited" : await call();
    const outcome =
      called === "limited" ? called : called.case === "refused" ? called.refusal : called.case;
    metrics.auth.inc({ method, outcome });
    if (called === "limited") {
      throw authError(Code.ResourceExhausted, "rate-limited", "too many calls: wait", waitMs);
    }
    if (called.case === "applied") return respond(called.result);
    throw errorOf(called);
  }

  router.service(AuthService, {
    register: ({ name, password }, context) =>
      run("register", context, name, () => client.register(name, password), tokensOf),
    login: ({ name, password }, context) =>
      run("login", context, name, () => client.login(name, password), tokensOf),
    refresh({ refreshToken, requestId }, context) {
      const id = requestId === "" ? client.newRequestId() : uuidBytes(requestId);
      const call = () => client.refresh(Buffer.from(refreshToken, "base64url"), id);
      return run("refresh", context, undefined, call, tokensOf);
    },
    logout({ refreshToken }, context) {
      const call = () => client.logout(Buffer.from(refreshToken, "base64url"));
      return run("logout", context, undefined, call, () => ({}));
    },
    async getNames({ accessToken, accountIds }, context) {
      const refused = await checkAsker(accessToken, context.values.get(remoteAddress));
      const called = refused ?? (await client.names(accountIds.map(uuidBytes)));
      metrics.auth.inc({
        method: "get-names",
        outcome: "case" in called ? called.case : called.reason,
      });
      if (!("case" in called)) {
        throw authError(called.code, called.reason, called.message, called.retryAfterMs);
      }
      if (called.case !== "applied") throw errorOf(called);
      const { names } = called.result;
      return {
        names: names.map(({ accountId, name }) => ({ accountId: uuidText(accountId), name })),
      };
    },
  });
}

function tokensOf(pair: TokenPair) {
  const { residence } = pair;
  return {
    tokens: {
      accountId: uuidText(pair.accountId),
      accessToken: pair.accessToken,
      refreshToken: Buffer.from(pair.refreshToken).toString("base64url"),
      accessExpiresMs: pair.accessExpiresMs,
      refreshExpiresMs: pair.refreshExpiresMs,
      residence: residence === undefined ? "" : keyText(keyOfWire(residence)),
    },
  };
}

function errorOf(called: Exclude<Called<unknown>, { case: "applied" }>): ConnectError {
  switch (called.case) {
    case "refused": {
      const [code, message] = refusalCodes[called.refusal] ?? [Code.Unknown, called.refusal];
      if (called.refusal !== "banned") return authError(code, called.refusal, message);
      const { untilMs, reason } = fromBinary(BannedDetailSchema, called.detail);
      const why = reason === "" ? message : `${message}: ${reason}`;
      return authError(code, called.refusal, why, 0, { untilMs, reason });
    }
    case "error":
      return called.code === ErrorCode.INVALID_ARGUMENT
        ? authError(Code.InvalidArgument, "invalid-payload", called.message)
        : authError(Code.Internal, "internal", "the accounts service failed: try again later");
    case "unsent":
      return authError(Code.Unavailable, "accounts-down", "nothing was done: try again", retryMs);
    case "unknown":
      return authError(
        Code.DeadlineExceeded,
        "unknown-outcome",
        "no answer came, and it may have been done: repeat it",
        retryMs,
      );
    default:
      return called satisfies never;
  }
}

/** With the header `retry-after` in whole seconds, where waiting helps. */
function authError(
  code: Code,
  reason: string,
  message: string,
  retryAfterMs = 0,
  ban = { untilMs: 0n, reason: "" },
): ConnectError {
  const headers = retryAfterMs > 0 ? { "retry-after": String(Math.ceil(retryAfterMs / 1000)) } : {};
  const value = { reason, retryAfterMs, bannedUntilMs: ban.untilMs, banReason: ban.reason };
  return new ConnectError(message, code, headers, [{ desc: AuthErrorSchema, value }]);
}
