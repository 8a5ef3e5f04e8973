import { PassThrough } from "node:stream";
import pg from "pg";
import { expect, it } from "vitest";
import { type BindConfig, bindExactly, bindMessage } from "./bind-message.ts";

interface PlainConnection {
  bind(config: BindConfig): void;
}

/** What pg itself would send. */
function messageOfPg(config: BindConfig): Buffer {
  const stream = new PassThrough();
  const connection = new pg.Connection({ stream: () => stream }) as unknown as PlainConnection;
  connection.bind(config);
  return stream.read() as Buffer;
}

const large = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
const configs: Record<string, BindConfig> = {
  nothing: {},
  "no values": { statement: "commit_batch", values: [] },
  "values that are null": { statement: "s", values: [null, undefined, null] },
  "names that are null": { statement: null, portal: undefined, values: ["a"] },
  texts: { portal: "p", statement: "ä", values: ["", "a", "ä€𝄞", "x".repeat(70_000)] },
  bytes: { statement: "s", values: [Buffer.alloc(0), Buffer.from([0, 255]), large] },
  "values of all kinds": {
    values: [large.subarray(7, 99), "7", null, large, "true"],
    binary: true,
  },
  "values that are mapped": {
    values: [1, true, null, 2n],
    valueMapper: (value, index) =>
      value === null ? null : index === 1 ? Buffer.from("t") : `${index} mapped`,
  },
  "as many values as there may be": { values: Array.from({ length: 65_535 }, (_, i) => `${i}`) },
};

it.each(Object.entries(configs))("writes what pg writes: %s", (_, config) => {
  expect(bindMessage(config).equals(messageOfPg(config))).toBe(true);
});

it("throws what a value's mapping throws", () => {
  const valueMapper = () => {
    throw new Error("no such value");
  };
  expect(() => bindMessage({ values: [1], valueMapper })).toThrow("no such value");
});

it("needs memory of just its size", () => {
  const message = bindMessage({ values: [large] });
  expect(message.buffer.byteLength).toBe(message.length);
});

it("says so when pg has no such connection", () => {
  expect(() => bindExactly({} as pg.Client)).toThrow("pg does not show the connection");
});
