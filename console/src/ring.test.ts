import { diskOf, hexAt, keyText, type Key } from "@hexhold/hex";
import { expect, test } from "vitest";
import { createRing } from "./ring.ts";

const home: Key = { hexId: hexAt(52.52, 13.405), layerId: 0 };
const textsAround = (key: Key): string[] =>
  diskOf(key.hexId, 2)
    .map((hexId) => keyText({ ...key, hexId }))
    .toSorted();

test("a ring follows its player: hexes left behind are closed, before new ones are opened", () => {
  const open = new Set<string>();
  const closed: string[] = [];
  let most = 0;
  const ring = createRing({
    listener: () => undefined,
    onClosed: (key) => closed.push(keyText(key)),
    subscribe(keys) {
      for (const key of keys) {
        expect(open.has(keyText(key))).toBe(false);
        open.add(keyText(key));
      }
      most = Math.max(most, open.size);
      return { keys, close: () => keys.forEach((key) => open.delete(keyText(key))) };
    },
  });
  ring.moveTo(home);
  expect([...open].toSorted()).toEqual(textsAround(home));
  const next = { ...home, hexId: diskOf(home.hexId, 1)[3]! };
  ring.moveTo(next);
  expect([...open].toSorted()).toEqual(textsAround(next));
  expect(ring.keys.map(keyText).toSorted()).toEqual(textsAround(next));
  expect(ring.keys[0]).toEqual(next);
  expect(closed.toSorted()).toEqual(
    textsAround(home).filter((text) => !textsAround(next).includes(text)),
  );
  // The server takes nineteen at a time.
  expect(most).toBe(19);
  ring.moveTo(next);
  expect(open.size).toBe(19);
});
