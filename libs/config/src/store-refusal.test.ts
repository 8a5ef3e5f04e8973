import { expect, test } from "vitest";
import { storeRefusal } from "./store-refusal.ts";

const withCode = (message: string, code: string | number): Error =>
  Object.assign(new Error(message), { code });

test.each([
  ["PostgreSQL", withCode('password authentication failed for user "a"', "28P01")],
  ["RabbitMQ", new Error('Handshake terminated by server: 403 (ACCESS-REFUSED) with message "…"')],
  ["Redis", new Error("WRONGPASS invalid username-password pair or user is disabled.")],
  ["Redis", new Error("NOAUTH Authentication required.")],
  ["MongoDB", withCode("Authentication failed.", 18)],
])("%s is named, wherever in the causes it stands", (store, error) => {
  const wrapped = new Error("outer", { cause: new AggregateError([new Error("other"), error]) });
  for (const each of [error, wrapped]) {
    expect(storeRefusal(each)).toMatch(new RegExp(`^${store} refuses the password`));
  }
});

test("what is no refusal of a password is none", () => {
  for (const error of [new Error("connect ECONNREFUSED"), withCode("x", "57P03"), "text", null]) {
    expect(storeRefusal(error)).toBeUndefined();
  }
});
