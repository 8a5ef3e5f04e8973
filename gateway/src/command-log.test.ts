import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { parseKeyText } from "@hexhold/hex";
import { type AnswerHead, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { createLogger, type LogLevel } from "@hexhold/telemetry";
import { expect, test, vi } from "vitest";
import type { EdgeError } from "./admission/check-command.ts";
import { offerLogged } from "./command-log.ts";
import type { PendingCommand } from "./dispatch/pending-command.ts";

const error: EdgeError = { code: ErrorCode.UNAVAILABLE, reason: "bus-down", message: "later" };
const answer: AnswerHead = {
  eventText: "",
  replayed: false,
  outcome: "applied",
  errorCode: ErrorCode.UNSPECIFIED,
};

function openLog(level: LogLevel, refusal?: EdgeError) {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const logger = createLogger({ service: "gateway", instance: "test", level, destination });
  const command: PendingCommand = {
    envelope: new Uint8Array(1),
    orderKey: "a",
    eventId: uuidv7Bytes(1),
    eventText: "1",
    requestId: uuidv7Bytes(2),
    target: { key: parseKeyText("861f1d48fffffff") },
    acceptedMs: 0,
    deadlineMs: 1,
    state: "waiting",
    answered: vi.fn<PendingCommand["answered"]>(),
    failed: vi.fn<PendingCommand["failed"]>(),
  };
  const offer = vi.fn<(offered: PendingCommand) => EdgeError | undefined>(() => refusal);
  const refused = offerLogged({ offer }, logger, "cmd.hex.gather", command);
  return { lines, command, refused, offered: offer.mock.calls[0]![0] };
}

test("at debug: a line when a command is accepted and one when it ends, with the ids of both", () => {
  const { lines, command, offered } = openLog("debug");
  const bytes = new Uint8Array(2);
  offered.answered(answer, bytes);
  offered.failed(error);
  const ids = {
    level: "debug",
    request_id: uuidText(command.requestId),
    event_id: uuidText(command.eventId),
    correlation_id: uuidText(command.requestId),
    key: "861f1d48fffffff",
    type: "cmd.hex.gather",
  };
  expect(lines).toMatchObject([
    { ...ids, msg: "command accepted" },
    { ...ids, msg: "command answered", outcome: "applied" },
    { ...ids, msg: "command failed", reason: "bus-down" },
  ]);
  expect(command.answered).toHaveBeenCalledExactlyOnceWith(answer, bytes);
  expect(command.failed).toHaveBeenCalledExactlyOnceWith(error);
});

test("a command that the dispatcher does not take was not accepted", () => {
  const { lines, refused } = openLog("debug", error);
  expect(refused).toBe(error);
  expect(lines).toMatchObject([{ msg: "command failed", reason: "bus-down" }]);
});

test("at info the command is offered as it is, and nothing is logged", () => {
  const { lines, command, offered } = openLog("info");
  offered.answered(answer, new Uint8Array(2));
  expect(offered).toBe(command);
  expect(lines).toEqual([]);
});
