import { create, toBinary } from "@bufbuild/protobuf";
import { StoreOutageError } from "@hexhold/domain";
import { LoginSchema, LogoutSchema } from "@hexhold/gen/hexhold/accounts/v1/commands_pb";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import {
  type BatchOrigin,
  createMemoryBus,
  createRequester,
  encodeBatch,
  encodeEnvelope,
  MemoryBroker,
  type RequestOutcome,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { createLogger, createMetrics } from "@hexhold/telemetry";
import { beforeEach, expect, test } from "vitest";
import { createAccountsMetrics } from "../accounts-metrics.ts";
import {
  type AnswerCommandOptions,
  createAnswerCommand,
  type GivenUpEvent,
  type KeepLetter,
} from "./answer-command.ts";
import { commandHandler, done } from "./command.ts";
import { type CommandConsumer, consumeCommands } from "./consume-commands.ts";

const queue = "cmd.accounts";
const password = "correct horse";
let broker: MemoryBroker;
let log: string;
beforeEach(() => {
  broker = new MemoryBroker();
  broker.declareQueue(queue, 10);
  log = "";
});

/** A process of the service whose every command does what `handle` does. */
function serve(
  handle: () => Promise<void>,
  keepLetter: KeepLetter = () => Promise.resolve(false),
  isSent?: AnswerCommandOptions["isSent"],
): { stop: CommandConsumer["stop"] } {
  const destination = { write: (line: string) => void (log += line) };
  const logger = createLogger({
    service: "accounts",
    instance: "test",
    level: "debug",
    destination,
  });
  const stopping = new AbortController();
  const handlers = [
    commandHandler(LogoutSchema, async () => (await handle(), done)),
    commandHandler(LoginSchema, async () => (await handle(), done)),
  ];
  const consumer = consumeCommands({
    bus: createMemoryBus(broker),
    queue,
    answer: createAnswerCommand({
      handlers,
      events: [{ type: "evt.hex.player-arrived", handle }],
      keepLetter,
      ...(isSent === undefined ? {} : { isSent }),
      worldNow: () => Date.now(),
      logger,
      stopping: stopping.signal,
    }),
    metrics: createAccountsMetrics(createMetrics()),
    logger,
  });
  return {
    async stop() {
      stopping.abort();
      await consumer.stop();
    },
  };
}

const logout = toBinary(LogoutSchema, create(LogoutSchema, { tokenHash: new Uint8Array(32) }));
const login = toBinary(LoginSchema, create(LoginSchema, { name: "anna", password }));

function ask(
  given: { service?: string; type?: string; payload?: Uint8Array; deadlineMs?: number } = {},
  timeoutMs = 2000,
): Promise<RequestOutcome> {
  const { service = "gateway", type = "cmd.accounts.logout", payload = logout, deadlineMs } = given;
  const eventId = uuidv7Bytes();
  const requester = createRequester({
    bus: createMemoryBus(broker),
    name: `test.${Math.random()}`,
  });
  const producer = { service, version: "1", instance: "test" };
  const ids = { eventId, requestId: eventId };
  const envelope = encodeEnvelope({
    type,
    messageVersion: 1,
    ...ids,
    producer,
    tsMs: 1,
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

test("who may not send a command, or sends what is none, is told so; who may is served", async () => {
  const service = serve(() => Promise.resolve());
  expect(await wordOf(ask())).toBe("applied");
  expect(await wordOf(ask({ service: "worker" }))).toBe(ErrorCode.PERMISSION_DENIED);
  expect(await wordOf(ask({ type: "cmd.accounts.ban" }))).toBe(ErrorCode.INVALID_ARGUMENT);
  expect(await wordOf(ask({ payload: new Uint8Array(3) }))).toBe(ErrorCode.INVALID_ARGUMENT);
  expect(await wordOf(ask({ payload: new Uint8Array() }))).toBe(ErrorCode.INVALID_ARGUMENT);
  await service.stop();
});

test("while PostgreSQL is away a command is held, and handled when it is back", async () => {
  let tries = 0;
  const service = serve(() =>
    ++tries < 3 ? Promise.reject(new StoreOutageError(new Error("gone"))) : Promise.resolve(),
  );
  expect(await wordOf(ask())).toBe("applied");
  expect(tries).toBe(3);
  await service.stop();
});

test("a command that nobody waits for any more is dropped unanswered, and not handled", async () => {
  let handled = 0;
  const service = serve(() => Promise.resolve(void handled++));
  expect(await wordOf(ask({ deadlineMs: Date.now() - 1 }, 100))).toBe("unknown");
  expect(handled).toBe(0);
  expect(broker.depths()).toMatchObject([{ ready: 0, unacked: 0 }]);
  await service.stop();
});

test("what a stopping process could not handle is left for another one", async () => {
  const dying = serve(() => Promise.reject(new StoreOutageError(new Error("gone"))));
  const outcome = wordOf(ask({}, 5000));
  await expect.poll(() => log).toContain("waits for PostgreSQL");
  await dying.stop();
  const next = serve(() => Promise.resolve());
  expect(await outcome).toBe("applied");
  await next.stop();
});

test("a fault of ours is answered INTERNAL and logged, without the command's content", async () => {
  const error = Object.assign(new Error("a bug"), { detail: `Failing row contains (${password})` });
  const service = serve(() => Promise.reject(error));
  const answered = ask({ type: "cmd.accounts.login", payload: login });
  expect(await wordOf(answered)).toBe(ErrorCode.INTERNAL);
  expect(log).toContain("a bug");
  expect(log).not.toContain(password);
  await service.stop();
});

/** Publishes an event of a worker; resolves when it is settled. */
function tell(origin?: BatchOrigin): Promise<unknown> {
  const eventId = uuidv7Bytes();
  const envelope = encodeEnvelope({
    type: "evt.hex.player-arrived",
    messageVersion: 1,
    eventId,
    producer: { service: "worker", version: "1", instance: "w" },
    tsMs: 1,
    payload: new Uint8Array(),
  });
  return createMemoryBus(broker).publish(queue, {
    type: "batch.v1",
    body: encodeBatch({ routeVersion: 0n, envelopes: [envelope], origin }),
  });
}

const deadlock = Object.assign(new Error("deadlock detected"), {
  code: "40P01",
  severity: "ERROR",
});

test("a command that meets a deadlock is tried again, five times in all", async () => {
  let tries = 0;
  const service = serve(() => (++tries < 3 ? Promise.reject(deadlock) : Promise.resolve()));
  expect(await wordOf(ask())).toBe("applied");
  expect(tries).toBe(3);
  await service.stop();
});

test("an event that meets a deadlock is tried again, and no letter is kept", async () => {
  let tries = 0;
  const letters: GivenUpEvent[] = [];
  const service = serve(
    () => (++tries < 3 ? Promise.reject(deadlock) : Promise.resolve()),
    (letter) => Promise.resolve(letters.push(letter) > 0),
  );
  expect(await tell()).toBe("confirmed");
  expect({ tries, letters }).toEqual({ tries: 3, letters: [] });
  await service.stop();
});

test("an event of a moment that the database has not seen is settled, and changes nothing", async () => {
  let handled = 0;
  const service = serve(
    () => Promise.resolve(void handled++),
    undefined,
    ({ position }) => Promise.resolve(position === 7n),
  );
  for (const position of [7n, 8n]) {
    expect(await tell({ life: 3n, places: [{ slot: "cmd.p1", position }] })).toBe("confirmed");
  }
  expect(handled).toBe(1);
  await service.stop();
});

test("an event that fails five times is settled only when its letter is kept", async () => {
  let tries = 0;
  const letters: GivenUpEvent[] = [];
  const service = serve(
    () => Promise.reject(new Error(`bug ${++tries}`)),
    // The first two times the broker does not take it.
    (letter) => Promise.resolve(letters.push(letter) > 2),
  );
  expect(await tell()).toBe("confirmed");
  expect(tries).toBe(5);
  expect(letters).toHaveLength(3);
  expect(letters[2]).toMatchObject({ error: "Error: bug 5", attempts: 5 });
  expect(letters[2]!.envelope.type).toBe("evt.hex.player-arrived");
  await service.stop();
});

test("an event whose letter cannot be kept is left for another process", async () => {
  const dying = serve(() => Promise.reject(new Error("a bug")));
  const settled = tell();
  await expect.poll(() => log).toContain("was not handled");
  await dying.stop();
  const next = serve(() => Promise.resolve());
  expect(await settled).toBe("confirmed");
  await next.stop();
});

test("an outage has one line in the log, whoever waits, and is met ever more rarely", async () => {
  let tries = 0;
  const service = serve(() => (tries++, Promise.reject(new StoreOutageError(new Error("gone")))));
  const waiting = Array.from({ length: 4 }, () => wordOf(ask({ deadlineMs: Date.now() + 1800 })));
  await Promise.all(waiting);
  expect(log.split("\n").filter((line) => line.includes("waits for PostgreSQL"))).toHaveLength(1);
  // 0, 200, 600 and 1,400 ms; one more where chance has shortened the pauses.
  expect(tries).toBeLessThanOrEqual(4 * 5);
  const told = tries;
  await service.stop();
  expect(tries).toBe(told);
});
