/** What a gateway asks of the accounts service. */
import {
  create,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  BansSinceSchema,
  file_hexhold_accounts_v1_commands,
  GetKeysSchema,
  GetNamesSchema,
  type Keys,
  KeysSchema,
  LoginSchema,
  LogoutSchema,
  type Names,
  NamesSchema,
  RefreshSchema,
  RegisterSchema,
  type Revocations,
  RevocationsSchema,
  type TokenPair,
  TokenPairSchema,
} from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import {
  file_hexhold_accounts_v1_sessions,
  ReportSessionsSchema,
  type SessionsReported,
  SessionsReportedSchema,
} from "@hexhold/gen/hexhold/accounts/v1/sessions_pb";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  accountsAuthQueue,
  accountsQueue,
  createMessageRegistry,
  encodeEnvelope,
  idempotencyKeyOf,
  type Requester,
  sha256,
  uuidv7Bytes,
} from "@hexhold/messaging";

/** How a question ended; `unsent` and `unknown` as with a {@link Requester}. */
export type Called<T> =
  | { readonly case: "applied"; readonly result: T }
  | { readonly case: "refused"; readonly refusal: string; readonly detail: Uint8Array }
  | { readonly case: "error"; readonly code: ErrorCode; readonly message: string }
  | { readonly case: "unsent" }
  | { readonly case: "unknown" };

export interface AccountsClient {
  register(name: string, password: string): Promise<Called<TokenPair>>;
  login(name: string, password: string): Promise<Called<TokenPair>>;
  /** `requestId` is the same for every repetition of one refresh. */
  refresh(refreshToken: Uint8Array, requestId: Uint8Array): Promise<Called<TokenPair>>;
  logout(refreshToken: Uint8Array): Promise<Called<void>>;
  /** At most 100 ids of 16 bytes. */
  names(accountIds: readonly Uint8Array[]): Promise<Called<Names>>;
  keys(): Promise<Called<Keys>>;
  revocations(sinceMs: bigint): Promise<Called<Revocations>>;
  /** Kept off disks: a report that is lost with the broker is sent again. */
  reportSessions(
    report: MessageInitShape<typeof ReportSessionsSchema>,
  ): Promise<Called<SessionsReported>>;
  newRequestId(): Uint8Array;
}

export interface AccountsClientOptions {
  readonly requester: Requester;
  readonly worldNow: () => number;
  readonly instance: string;
  readonly version: string;
}

/** The service does nothing after it, and the gateway waits no longer. */
const answerMsMax = 5000;

interface Question<T extends Message> {
  readonly schema: GenMessage<T>;
  readonly init: MessageInitShape<GenMessage<T>>;
  readonly subject: string;
  readonly requestId?: Uint8Array;
  /** Goes over the queue for secrets, which is kept off disks. */
  readonly isSecret?: boolean;
  /** Kept off disks. Default: what is secret. */
  readonly isTransient?: boolean;
}

export function createAccountsClient(options: AccountsClientOptions): AccountsClient {
  const { requester, worldNow, instance, version } = options;
  const registry = createMessageRegistry([
    file_hexhold_accounts_v1_commands,
    file_hexhold_accounts_v1_sessions,
  ]);
  const producer = { service: "gateway", version, instance };
  const newRequestId = (): Uint8Array => uuidv7Bytes(Math.floor(worldNow()));

  async function call<T extends Message, R>(
    { schema, init, subject, isSecret = false, isTransient = isSecret, ...given }: Question<T>,
    resultOf: (bytes: Uint8Array) => R,
  ): Promise<Called<R>> {
    const { type, messageVersion } = registry.bySchema(schema);
    const nowMs = Math.floor(worldNow());
    const requestId = given.requestId ?? newRequestId();
    const eventId = newRequestId();
    const target = Buffer.from(subject);
    const outcome = await requester.request({
      to: isSecret ? accountsAuthQueue : accountsQueue,
      eventId,
      transient: isTransient,
      timeoutMs: answerMsMax,
      envelope: encodeEnvelope({
        type,
        messageVersion,
        requestId,
        eventId,
        correlationId: requestId,
        producer,
        tsMs: nowMs,
        idempotencyKey: idempotencyKeyOf({ accountId: undefined, requestId, type, target }),
        payload: toBinary(schema, create(schema, init)),
        deadlineMs: nowMs + answerMsMax,
        subject,
      }),
    });
    if (outcome.case !== "answered") return { case: outcome.case };
    const answer = outcome.answer.outcome;
    switch (answer.case) {
      case "applied":
        return { case: "applied", result: resultOf(answer.value.result) };
      case "refused":
        return { case: "refused", refusal: answer.value.reason, detail: answer.value.detail };
      case "error":
        return { case: "error", code: answer.value.errorCode, message: answer.value.message };
      default:
        return { case: "error", code: ErrorCode.INTERNAL, message: "an empty answer" };
    }
  }

  const tokens = (bytes: Uint8Array): TokenPair => fromBinary(TokenPairSchema, bytes);
  const secret = { isSecret: true, subject: "" } as const;
  return {
    newRequestId,
    register: (name, password) =>
      call({ schema: RegisterSchema, init: { name, password }, ...secret }, tokens),
    login: (name, password) =>
      call({ schema: LoginSchema, init: { name, password }, ...secret }, tokens),
    refresh: (refreshToken, requestId) =>
      call({ schema: RefreshSchema, init: { refreshToken }, requestId, ...secret }, tokens),
    logout: (refreshToken) =>
      call(
        { schema: LogoutSchema, init: { tokenHash: sha256(refreshToken) }, subject: "login" },
        () => undefined,
      ),
    names: (accountIds) =>
      call(
        { schema: GetNamesSchema, init: { accountIds: [...accountIds] }, subject: "names" },
        (bytes) => fromBinary(NamesSchema, bytes),
      ),
    keys: () =>
      call({ schema: GetKeysSchema, init: {}, subject: "keys" }, (bytes) =>
        fromBinary(KeysSchema, bytes),
      ),
    revocations: (sinceMs) =>
      call({ schema: BansSinceSchema, init: { sinceMs }, subject: "bans" }, (bytes) =>
        fromBinary(RevocationsSchema, bytes),
      ),
    reportSessions: (report) =>
      call(
        { schema: ReportSessionsSchema, init: report, subject: "sessions", isTransient: true },
        (bytes) => fromBinary(SessionsReportedSchema, bytes),
      ),
  };
}
