/** What operators ask of the accounts service. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  BanResultSchema,
  BanSchema,
  PublicKeySchema,
  RotateKeysSchema,
} from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import type { BanAccountRequest } from "@hexhold/gen/hexhold/control/v1/host_pb";
import { uuidBytes, uuidText } from "@hexhold/messaging";
import type { OperatorCalls } from "./operator-calls.ts";

/** Rejects with a ConnectError that says what was wrong. */
export interface AccountAdmin {
  ban(request: BanAccountRequest): Promise<{ accountId: string; name: string }>;
  /** Resolves with the name of the new key. */
  rotateKeys(): Promise<string>;
}

export const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function createAccountAdmin({ call }: Pick<OperatorCalls, "call">): AccountAdmin {
  return {
    async ban({ account, untilMs, reason, lift }) {
      const who = idPattern.test(account)
        ? { case: "accountId" as const, value: uuidBytes(account) }
        : { case: "name" as const, value: account };
      const bytes = await call(BanSchema, { account: who, untilMs, reason, lift }, account);
      const { accountId, name } = fromBinary(BanResultSchema, bytes);
      return { accountId: uuidText(accountId), name };
    },
    async rotateKeys() {
      return fromBinary(PublicKeySchema, await call(RotateKeysSchema, {}, "keys")).kid;
    },
  };
}
