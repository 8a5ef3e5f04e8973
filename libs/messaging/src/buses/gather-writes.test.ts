import { Duplex } from "node:stream";
import { expect, it } from "vitest";
import { gatherWritesOf } from "./gather-writes.ts";

type Done = (error?: Error | null) => void;

/** A stream that notes what each of its writes had. */
function notedStream() {
  const writes: string[][] = [];
  const stream = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding: string, done: Done) {
      writes.push([chunk.toString()]);
      done();
    },
    writev(chunks: { chunk: unknown }[], done: Done) {
      writes.push(chunks.map(({ chunk }) => String(chunk)));
      done();
    },
    highWaterMark: 8,
  });
  return { stream, writes };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it("writes what comes in one turn at once, in order, and what comes in a later one too", async () => {
  const { stream, writes } = notedStream();
  gatherWritesOf(stream);
  for (const text of ["a", "b", "c"]) expect(stream.write(text)).toBe(true);
  expect(writes).toEqual([]);
  await turn();
  expect(writes).toEqual([["a", "b", "c"]]);
  for (const text of ["d", "e"]) stream.write(text);
  await turn();
  expect(writes).toEqual([
    ["a", "b", "c"],
    ["d", "e"],
  ]);
});

it("says when there is enough, and when there is room again", async () => {
  const { stream, writes } = notedStream();
  gatherWritesOf(stream);
  const drained = new Promise((resolve) => stream.once("drain", resolve));
  expect(stream.write("123456789")).toBe(false);
  await drained;
  expect(writes).toEqual([["123456789"]]);
});

it("loses nothing that was written before the end", async () => {
  const { stream, writes } = notedStream();
  gatherWritesOf(stream);
  stream.write("a");
  stream.end("b");
  await turn();
  expect(writes.flat()).toEqual(["a", "b"]);
  expect(stream.writableFinished).toBe(true);
});
