import { expect, test } from "vitest";
import { childLogger, createLogger } from "./logger.ts";

function capture() {
  const lines: Record<string, unknown>[] = [];
  return { lines, write: (line: string) => void lines.push(JSON.parse(line)) };
}

test("a line carries service, instance, level as a word, an ISO time and the bindings", () => {
  const destination = capture();
  const logger = createLogger({ service: "worker", instance: "worker-1", destination });
  childLogger(logger, { request_id: "r", key: "861f1d48fffffff" }).info({ n: 1 }, "handled");
  expect(destination.lines).toEqual([
    {
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T.*Z$/),
      service: "worker",
      instance: "worker-1",
      request_id: "r",
      key: "861f1d48fffffff",
      n: 1,
      msg: "handled",
    },
  ]);
});

test("lines below the level are not written", () => {
  const destination = capture();
  const logger = createLogger({ service: "s", instance: "i", level: "warn", destination });
  logger.info("quiet");
  logger.warn("heard");
  expect(destination.lines.map((line) => line["msg"])).toEqual(["heard"]);
});

test("secrets are not written, one level down neither", () => {
  const destination = capture();
  const logger = createLogger({ service: "s", instance: "i", destination });
  logger.info({ token: "abc", frame: { password: "def" } }, "hello");
  expect(JSON.stringify(destination.lines)).not.toMatch(/abc|def/);
  expect(destination.lines[0]).toMatchObject({ token: "[redacted]" });
});

test("an error is written with its message, stack and cause", () => {
  const destination = capture();
  const logger = createLogger({ service: "s", instance: "i", destination });
  logger.error({ err: new Error("outer", { cause: new Error("inner") }) }, "failed");
  expect(JSON.stringify(destination.lines)).toMatch(/outer.*inner/);
});
