import { create } from "@bufbuild/protobuf";
import { BanStateSchema, EndedLoginSchema } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { beforeEach, expect, test } from "vitest";
import { Revocations } from "./revocations.ts";

const [account, login] = [uuidText(uuidv7Bytes()), uuidText(uuidv7Bytes())];
let revocations: Revocations;
beforeEach(() => void (revocations = new Revocations()));

function ban(fields: { untilMs?: bigint; lifted?: boolean; forgetMs?: bigint }) {
  const accountId = uuidBytes(account);
  return create(BanStateSchema, { accountId, forgetMs: 1000n, ...fields });
}

test("a ban keeps its account out until it ends, and nobody else", () => {
  expect(revocations.check(account, login, 0)).toBeUndefined();
  expect(revocations.takeBan(ban({ untilMs: 500n }), 0)).toBe(account);
  expect(revocations.check(account, login, 499)).toBe("banned");
  expect(revocations.check(account, login, 500)).toBeUndefined();
  expect(revocations.check(login, account, 0)).toBeUndefined();
  expect(revocations.takeBan(ban({}), 0)).toBe(account);
  expect(revocations.check(account, undefined, 1e15)).toBe("banned");
});

test("a lifted ban keeps nobody out, and late news of an earlier state changes nothing", () => {
  revocations.takeBan(ban({ forgetMs: 1000n }), 0);
  revocations.takeBan(ban({ lifted: true, forgetMs: 2000n }), 0);
  expect(revocations.takeBan(ban({ forgetMs: 1000n }), 0)).toBeUndefined();
  expect(revocations.check(account, login, 0)).toBeUndefined();
});

test("an ended login is known until no token of it can live, then forgotten", () => {
  const ended = create(EndedLoginSchema, { loginId: uuidBytes(login), forgetMs: 1000n });
  expect(revocations.takeLogout(ended)).toBe(login);
  revocations.takeBan(ban({}), 0);
  revocations.forget(1000);
  expect(revocations.check(login, login, 0)).toBe("logged-out");
  expect(revocations.size).toBe(2);
  revocations.forget(1001);
  expect(revocations.size).toBe(0);
});
