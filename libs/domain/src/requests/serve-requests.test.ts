import { create, toBinary } from "@bufbuild/protobuf";
import { LoginSchema, LogoutSchema } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import {
  createMemoryBus,
  createRequester,
  encodeEnvelope,
  idempotencyKeyOf,
  MemoryBroker,
  type RequestOutcome,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { createLogger } from "@hexhold/telemetry";
import { beforeEach, expect, test } from "vitest";
import { type CommandOutcome, onCommand, onEvents } from "../service-definition.ts";
import { StoreOutageError, type Transaction } from "../transaction.ts";
import { serveRequests } from "./serve-requests.ts";

const queue = "cmd.accounts.auth";
const password = "correct horse";
const outage = () => new StoreOutageError(new Error("gone"));
let broker: MemoryBroker;
let log: string;
let answered: [string, string][];
beforeEach(() => {
  broker = new MemoryBroker();
  broker.declareQueue(queue, 10);
  broker.declareQueue("cmd.router", 10);
  log = "";
  answered = [];
});

/** A process whose every request does what `handle` does. */
function serve(handle: (transaction: Transaction) => Promise<void>, inHandMax = 16) {
  const done = async (transaction: Transaction): Promise<CommandOutcome> => {
    await handle(transaction);
    return { kind: "applied" };
  };
  return serveRequests({
    bus: createMemoryBus(broker),
    queue,
    handlers: [onCommand(LogoutSchema, done), onCommand(LoginSchema, done)],
    inHandMax,
    worldNow: Date.now,
    logger: createLogger({
      service: "accounts",
      instance: "test",
      level: "debug",
      destination: { write: (line: string) => void (log += line) },
    }),
    onAnswered: (type, outcome) => answered.push([type, outcome]),
    onHandled: () => undefined,
  });
}

const logout = toBinary(LogoutSchema, create(LogoutSchema, { tokenHash: new Uint8Array(32) }));
const login = toBinary(LoginSchema, create(LoginSchema, { name: "anna", password }));

function ask(
  given: { service?: string; type?: string; payload?: Uint8Array; deadlineMs?: number } = {},
  timeoutMs = 2000,
): Promise<RequestOutcome> {
  const { service = "gateway", type = "cmd.accounts.logout", payload = logout, deadlineMs } = given;
  const eventId = uuidv7Bytes();
  const bus = createMemoryBus(broker);
  const requester = createRequester({ bus, name: `test.${Math.random()}` });
  const envelope = encodeEnvelope({
    type,
    messageVersion: 1,
    eventId,
    requestId: eventId,
    producer: { service, version: "1", instance: "test" },
    tsMs: 1,
    idempotencyKey: idempotencyKeyOf({
      accountId: undefined,
      requestId: eventId,
      type,
      target: new Uint8Array(0),
    }),
    payload,
    deadlineMs,
  });
  return requester.request({ to: queue, envelope, eventId, timeoutMs });
}

/** `applied`, the code of an error, or why there was no answer. */
async function wordOf(outcome: Promise<RequestOutcome>): Promise<string | number> {
  const found = await outcome;
  if (found.case !== "answered") return found.case;
  const { outcome: answer } = found.answer;
  return answer.case === "error" ? answer.value.errorCode : (answer.case ?? "");
}

test("who may not send a request, or sends what is none, is told so; who may is served", async () => {
  const server = serve(() => Promise.resolve());
  expect(await wordOf(ask())).toBe("applied");
  expect(await wordOf(ask({ service: "worker" }))).toBe(ErrorCode.PERMISSION_DENIED);
  expect(await wordOf(ask({ type: "cmd.accounts.ban" }))).toBe(ErrorCode.INVALID_ARGUMENT);
  expect(await wordOf(ask({ payload: new Uint8Array(3) }))).toBe(ErrorCode.INVALID_ARGUMENT);
  expect(await wordOf(ask({ payload: new Uint8Array() }))).toBe(ErrorCode.INVALID_ARGUMENT);
  expect(answered).toEqual([
    ["cmd.accounts.logout", "applied"],
    ["unknown", "sender-not-allowed"],
    ["unknown", "unknown-type"],
    ["unknown", "invalid-payload"],
    ["unknown", "invalid-payload"],
  ]);
  await server.stop();
});

test("while PostgreSQL is away a request is held, and handled when it is back", async () => {
  let tries = 0;
  const server = serve(() => (++tries < 3 ? Promise.reject(outage()) : Promise.resolve()));
  expect(await wordOf(ask())).toBe("applied");
  expect(tries).toBe(3);
  await server.stop();
});

test("a request that comes too late, or waits too long for PostgreSQL, is answered and not executed", async () => {
  let handled = 0;
  const server = serve(() => (handled++, Promise.reject(outage())));
  expect(await wordOf(ask({ deadlineMs: Date.now() - 1 }))).toBe(ErrorCode.UNAVAILABLE);
  expect(handled).toBe(0);
  expect(await wordOf(ask({ deadlineMs: Date.now() + 300 }))).toBe(ErrorCode.UNAVAILABLE);
  expect(handled).toBeGreaterThan(1);
  expect(broker.depths()[0]).toMatchObject({ name: queue, ready: 0, unacked: 0 });
  await server.stop();
});

test("what a stopping process could not handle is left for another one", async () => {
  const dying = serve(() => Promise.reject(outage()));
  const outcome = wordOf(ask({}, 10_000));
  await expect.poll(() => log).toContain("waits for PostgreSQL");
  await dying.stop();
  const next = serve(() => Promise.resolve());
  expect(await outcome).toBe("applied");
  await next.stop();
});

test("a fault of ours is answered INTERNAL and logged, without the request's content, and no letter is kept", async () => {
  const error = Object.assign(new Error("a bug"), { detail: `Failing row contains (${password})` });
  let tries = 0;
  const server = serve(() => (tries++, Promise.reject(error)));
  expect(await wordOf(ask({ type: "cmd.accounts.login", payload: login }))).toBe(
    ErrorCode.INTERNAL,
  );
  expect(tries).toBe(1);
  expect(log).toContain("a bug");
  expect(log).not.toContain(password);
  expect(broker.depths()[1]).toMatchObject({ name: "cmd.router", ready: 0 });
  expect(answered).toEqual([["cmd.accounts.login", "internal"]]);
  await server.stop();
});

test("a request that meets a deadlock is tried again, five times in all", async () => {
  const deadlock = Object.assign(new Error("deadlock detected"), {
    code: "40P01",
    severity: "ERROR",
  });
  let tries = 0;
  const server = serve(() => (++tries < 3 ? Promise.reject(deadlock) : Promise.resolve()));
  expect(await wordOf(ask())).toBe("applied");
  expect(tries).toBe(3);
  await server.stop();
  tries = -10;
  const failing = serve(() => (++tries, Promise.reject(deadlock)));
  expect(await wordOf(ask({}, 10_000))).toBe(ErrorCode.INTERNAL);
  expect(tries).toBe(-5);
  await failing.stop();
});

test("requests are handled side by side, a slow one holds up no other", async () => {
  const gate = Promise.withResolvers<void>();
  let first = true;
  const server = serve(() => {
    if (!first) return Promise.resolve();
    first = false;
    return gate.promise;
  });
  const slow = wordOf(ask());
  await expect.poll(() => first).toBe(false);
  expect(await wordOf(ask())).toBe("applied");
  gate.resolve();
  expect(await slow).toBe("applied");
  await server.stop();
});

test("an outage has one line in the log, whoever waits, and is met ever more rarely", async () => {
  let tries = 0;
  const server = serve(() => (tries++, Promise.reject(outage())));
  const waiting = Array.from({ length: 9 }, () => wordOf(ask({ deadlineMs: Date.now() + 1800 })));
  await Promise.all(waiting);
  expect(log.split("\n").filter((line) => line.includes("waits for PostgreSQL"))).toHaveLength(1);
  // 0, 100, 300, 700 and 1,500 ms; two more where chance has shortened the pauses.
  expect(tries).toBeLessThanOrEqual(9 * 7);
  const told = tries;
  await server.stop();
  expect(tries).toBe(told);
});

test("a handler has no transaction, and its effects come with its success alone", async () => {
  const effects: string[] = [];
  let isBroken = true;
  const server = serve(async (transaction) => {
    transaction.onCommit(() => effects.push("done"));
    if (isBroken) await transaction.query({ text: "SELECT 1" });
  });
  expect(await wordOf(ask())).toBe(ErrorCode.INTERNAL);
  expect(effects).toEqual([]);
  isBroken = false;
  expect(await wordOf(ask())).toBe("applied");
  expect(effects).toEqual(["done"]);
  await server.stop();
});

test("events are no requests: they must be kept", () => {
  const given = {
    bus: createMemoryBus(broker),
    queue,
    inHandMax: 1,
    worldNow: Date.now,
    logger: createLogger({ service: "accounts", instance: "test", level: "silent" }),
    onAnswered: () => undefined,
    onHandled: () => undefined,
  };
  const handlers = [onEvents(GatheredSchema, () => Promise.resolve())];
  expect(() => serveRequests({ ...given, handlers })).toThrow(/events and asked steps/);
});
