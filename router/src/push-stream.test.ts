import { expect, test } from "vitest";
import { createPushStream } from "./push-stream.ts";

const overflow = () => new Error("too slow");
const collect = async <Item>(items: AsyncIterable<Item>) => {
  const seen: Item[] = [];
  for await (const item of items) seen.push(item);
  return seen;
};

test("items come in their order, those from before the reading too, until it is closed", async () => {
  const stream = createPushStream<number>(10, overflow);
  stream.push(1);
  const read = collect(stream.items);
  await Promise.resolve();
  stream.push(2);
  stream.push(3);
  stream.close();
  expect(stream.push(4)).toBe(false);
  expect(await read).toEqual([1, 2, 3]);
});

test("a reader that is too slow is ended with the error, and nothing is left out silently", async () => {
  const stream = createPushStream<number>(2, overflow);
  expect([1, 2, 3].map((item) => stream.push(item))).toEqual([true, true, false]);
  await expect(collect(stream.items)).rejects.toThrow("too slow");
});

test("closing with an error ends the reading with it, after what was pushed", async () => {
  const stream = createPushStream<number>(2, overflow);
  stream.push(1);
  stream.close(new Error("gone"));
  const items = stream.items[Symbol.asyncIterator]();
  expect(await items.next()).toEqual({ value: 1, done: false });
  await expect(items.next()).rejects.toThrow("gone");
});
