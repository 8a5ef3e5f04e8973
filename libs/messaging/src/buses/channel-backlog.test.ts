import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { watchBacklogOf } from "./channel-backlog.ts";

it("knows how many bytes wait in a stream until somebody reads them", async () => {
  const stream = new PassThrough({ objectMode: true, highWaterMark: 2 });
  const waitingBytes = watchBacklogOf(stream);
  for (let nth = 0; nth < 10; nth++) stream.write(Buffer.alloc(100));
  expect(waitingBytes()).toBe(1000);
  stream.read();
  expect(waitingBytes()).toBe(900);
  stream.on("readable", () => {
    while (stream.read() !== null);
  });
  await expect.poll(waitingBytes).toBe(0);
  stream.write(Buffer.alloc(7));
  await expect.poll(waitingBytes).toBe(0);
});
