import { expect, test } from "vitest";
import { createWorldFormat } from "./world-format.ts";

function givenFormat(stored?: number) {
  const settings = new Map(stored === undefined ? [] : [["world_format", String(stored)]]);
  const store = {
    worldSettings(wanted: ReadonlyMap<string, string>) {
      for (const [key, value] of wanted) if (!settings.has(key)) settings.set(key, value);
      return Promise.resolve(settings);
    },
    raiseWorldFormat(format: number) {
      settings.set("world_format", String(format));
      return Promise.resolve();
    },
  };
  return { format: createWorldFormat(store, { worldFormat: stored }), settings };
}

const reader = (instance: string, worldFormat: number) => ({ instance, worldFormat });

test("a new world begins with the format of its first process with a game", async () => {
  const { format, settings } = givenFormat();
  expect(format.current).toBe(0);
  await expect(format.raise(2, [])).rejects.toThrow("this world has no format yet");
  await format.settle(2);
  await format.settle(3);
  expect(format.current).toBe(2);
  expect(settings.get("world_format")).toBe("2");
});

test("a format that is stored is not settled anew", async () => {
  const { format } = givenFormat(1);
  await format.settle(2);
  expect(format.current).toBe(1);
});

test("is raised when everybody who reads events of the game reads it", async () => {
  const { format, settings } = givenFormat(1);
  const readers = [reader("worker-1", 2), reader("worker-2", 1), reader("accounts-1", 0)];
  await expect(format.raise(2, readers)).rejects.toThrow(
    "worker-2 (1) cannot read format 2: roll or stop these processes first",
  );
  expect(settings.get("world_format")).toBe("1");
  expect(
    await format.raise(
      2,
      readers.filter(({ instance }) => instance !== "worker-2"),
    ),
  ).toBe(1);
  expect(format.current).toBe(2);
  expect(settings.get("world_format")).toBe("2");
});

test("is never lowered, nor raised to what nobody reads; asking again changes nothing", async () => {
  const { format } = givenFormat(2);
  await expect(format.raise(1, [])).rejects.toThrow("never lowered");
  await expect(format.raise(3, [reader("accounts-1", 0)])).rejects.toThrow("no process");
  expect(await format.raise(2, [reader("worker-1", 2)])).toBe(2);
});
