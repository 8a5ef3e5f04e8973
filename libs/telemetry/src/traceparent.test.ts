import { expect, test } from "vitest";
import {
  childTraceparent,
  formatTraceparent,
  newTraceparent,
  parseTraceparent,
} from "./traceparent.ts";

const example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test("the example of the recommendation is read and written", () => {
  const context = parseTraceparent(example);
  expect(context).toEqual({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    parentId: "b7ad6b7169203331",
    sampled: true,
  });
  expect(context && formatTraceparent(context)).toBe(example);
});

test.each([
  ["empty", ""],
  ["upper case", example.toUpperCase()],
  ["no trace id", "00-00000000000000000000000000000000-b7ad6b7169203331-01"],
  ["no parent id", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"],
  ["version ff", example.replace(/^00/, "ff")],
  ["version 00 with more behind it", `${example}-what`],
  ["too long", `01${example.slice(2)}-${"x".repeat(300)}`],
])("not valid: %s", (_name, text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});

test("a later version is read as its first four fields", () => {
  expect(parseTraceparent(`01${example.slice(2)}-more`)?.parentId).toBe("b7ad6b7169203331");
});

test("a child keeps the trace and the flag and has a span of its own", () => {
  const child = parseTraceparent(childTraceparent(example));
  expect(child?.traceId).toBe("0af7651916cd43dd8448eb211c80319c");
  expect(child?.sampled).toBe(true);
  expect(child?.parentId).not.toBe("b7ad6b7169203331");
});

test("a child of nonsense starts a trace that is not sampled", () => {
  expect(parseTraceparent(childTraceparent("nonsense"))?.sampled).toBe(false);
});

test("new traces are valid and differ", () => {
  expect(parseTraceparent(newTraceparent())?.sampled).toBe(true);
  expect(newTraceparent()).not.toBe(newTraceparent());
});
