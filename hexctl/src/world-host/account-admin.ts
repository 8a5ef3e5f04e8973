/** What operators ask of the accounts service, sent through the broker like everything else. */
import {
  create,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { Code, ConnectError } from "@connectrpc/connect";
import { releaseVersion } from "@hexhold/config";
import {
  BanResultSchema,
  BanSchema,
  file_hexhold_accounts_v1_commands,
  PublicKeySchema,
  RotateKeysSchema,
} from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import type { BanAccountRequest } from "@hexhold/gen/hexhold/control/v1/host_pb";
import {
  accountsQueue,
  type Bus,
  createMessageRegistry,
  createRequester,
  encodeEnvelope,
  idempotencyKeyOf,
  uuidBytes,
  uuidText,
  uuidv7Bytes,
} from "@hexhold/messaging";

/** Rejects with a ConnectError that says what was wrong. */
export interface AccountAdmin {
  ban(request: BanAccountRequest): Promise<{ accountId: string; name: string }>;
  /** Resolves with the name of the new key. */
  rotateKeys(): Promise<string>;
  close(): void;
}

const answerMsMax = 10_000;
const producer = { service: "host", version: releaseVersion, instance: "host" };

export function createAccountAdmin(bus: Bus): AccountAdmin {
  const registry = createMessageRegistry([file_hexhold_accounts_v1_commands]);
  const requester = createRequester({ bus, name: "tool.host.accounts" });

  /** Without a deadline: what an operator asks for is done when the service is back. */
  async function call<T extends Message>(
    schema: GenMessage<T>,
    init: MessageInitShape<GenMessage<T>>,
    subject: string,
  ): Promise<Uint8Array> {
    const { type, messageVersion } = registry.bySchema(schema);
    const eventId = uuidv7Bytes();
    const identity = { accountId: undefined, requestId: eventId, type };
    const outcome = await requester.request({
      queue: accountsQueue,
      eventId,
      timeoutMs: answerMsMax,
      envelope: encodeEnvelope({
        type,
        messageVersion,
        requestId: eventId,
        eventId,
        correlationId: eventId,
        producer,
        tsMs: Date.now(),
        idempotencyKey: idempotencyKeyOf({ ...identity, target: Buffer.from(subject) }),
        payload: toBinary(schema, create(schema, init)),
        subject,
      }),
    });
    if (outcome.case === "unsent") {
      throw new ConnectError(`nothing was done: ${outcome.why}`, Code.Unavailable);
    }
    if (outcome.case === "unknown") {
      throw new ConnectError(
        "the accounts service does not answer; it may still do it (hexctl logs accounts-1)",
        Code.DeadlineExceeded,
      );
    }
    const answer = outcome.answer.outcome;
    if (answer.case === "applied") return answer.value.result;
    if (answer.case === "refused") throw new ConnectError(answer.value.reason, Code.NotFound);
    throw new ConnectError(answer.value?.message ?? "an empty answer", Code.Internal);
  }

  return {
    async ban({ account, untilMs, reason, lift }) {
      const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(account);
      const who = isId
        ? { case: "accountId" as const, value: uuidBytes(account) }
        : { case: "name" as const, value: account };
      const bytes = await call(BanSchema, { account: who, untilMs, reason, lift }, account);
      const { accountId, name } = fromBinary(BanResultSchema, bytes);
      return { accountId: uuidText(accountId), name };
    },
    async rotateKeys() {
      return fromBinary(PublicKeySchema, await call(RotateKeysSchema, {}, "keys")).kid;
    },
    close: () => requester.close(),
  };
}
