import { closeSync, openSync } from "node:fs";
import { expect, test } from "vitest";
import { createLineWriter } from "./line-writer.ts";
import { createLogger } from "./logger.ts";

/** A disk with room for so many bytes. */
function diskOf(room: number) {
  const disk = {
    room,
    text: "",
    write(_fd: number, bytes: Uint8Array): number {
      const taken = Math.min(disk.room, bytes.length);
      if (taken === 0) throw Object.assign(new Error("full"), { code: "ENOSPC" });
      disk.room -= taken;
      disk.text += Buffer.from(bytes).toString("utf8", 0, taken);
      return taken;
    },
  };
  return disk;
}

test("lines that find no room are dropped, counted, and told once there is room again", () => {
  const disk = diskOf(10);
  const writer = createLineWriter(1, (fd, bytes) => disk.write(fd, bytes));
  for (const line of ["one\n", "two\n", "three\n", "four\n"]) writer.write(line);
  expect(writer.dropped()).toBe(2);
  disk.room = 1_000;
  writer.write("five\n");
  writer.write("six\n");
  const lines = disk.text.split("\n");
  expect(lines).toEqual([
    "one",
    "two",
    "th",
    expect.stringContaining("2 lines of this log were dropped (ENOSPC)"),
    "five",
    "six",
    "",
  ]);
  expect(JSON.parse(lines[3] ?? "")).toMatchObject({ level: "warn" });
  expect(writer.dropped()).toBe(2);
});

test("a reader of a pipe that is behind for a moment costs no line; one that stays behind, its lines", () => {
  let refusals = 2;
  let text = "";
  const writer = createLineWriter(1, (_fd, bytes) => {
    if (refusals-- > 0) throw Object.assign(new Error("again"), { code: "EAGAIN" });
    text += Buffer.from(bytes).toString();
    return bytes.length;
  });
  writer.write("late\n");
  expect([text, writer.dropped()]).toEqual(["late\n", 0]);
  refusals = 1_000;
  writer.write("lost\n");
  expect(writer.dropped()).toBe(1);
});

test.runIf(process.platform === "linux")("a full disk does not end whoever logs", () => {
  const fd = openSync("/dev/full", "a");
  const writer = createLineWriter(fd);
  const logger = createLogger({ service: "s", instance: "i", destination: writer });
  for (let n = 0; n < 3; n++) logger.error({ err: new Error("no space") }, "failed");
  expect(writer.dropped()).toBe(3);
  closeSync(fd);
  // Not even when its descriptor is gone.
  logger.info("after");
  expect(writer.dropped()).toBe(4);
});
